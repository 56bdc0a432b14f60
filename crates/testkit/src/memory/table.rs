//! One table: rows by key, and a journal to take writes back.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

/// Rows by key. What was there before each write is kept until [`Table::keep`] or [`Journal::roll_back`].
pub(super) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    journal: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), journal: Vec::new() }
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    pub(super) fn put(&mut self, key: K, row: V) {
        let before = self.rows.insert(key.clone(), row);
        self.journal.push((key, before));
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some(before) = self.rows.remove(key) {
            self.journal.push((key.clone(), Some(before)));
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    pub(super) fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.rows.values()
    }

    pub(super) fn range(&self, range: impl RangeBounds<K>) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.range(range)
    }

    pub(super) fn last(&self) -> Option<(&K, &V)> {
        self.rows.last_key_value()
    }
}

/// What all tables do at the end of a commit, whatever their types.
pub(super) trait Journal {
    /// Makes the writes since the last end final.
    fn keep(&mut self);

    /// Takes them back.
    fn roll_back(&mut self);
}

impl<K: Ord, V> Journal for Table<K, V> {
    fn keep(&mut self) {
        self.journal.clear();
    }

    fn roll_back(&mut self) {
        while let Some((key, before)) = self.journal.pop() {
            match before {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<u8, &'static str> {
        let mut table = Table::default();
        table.put(1, "one");
        table.put(2, "two");
        table.keep();
        table
    }

    #[test]
    fn rolling_back_restores_replaced_removed_and_new_rows() {
        let mut table = table();
        table.put(1, "uno");
        table.put(1, "eins");
        table.remove(&2);
        table.put(3, "three");
        table.roll_back();
        assert_eq!(table.iter().collect::<Vec<_>>(), [(&1, &"one"), (&2, &"two")]);
    }

    #[test]
    fn what_was_kept_stays() {
        let mut table = table();
        table.remove(&2);
        table.keep();
        table.roll_back();
        assert!(!table.contains(&2));
    }
}
