//! Doing once what many ask for at the same moment, when it costs much.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// Something that is made by one at a time. Whoever asks gets what was begun after they asked, so it is never older than their question; all
/// who came while one was being made share the next.
pub(crate) struct Turns<K, V> {
    begun: AtomicU64,
    last: Mutex<Option<Made<K, V>>>,
}

struct Made<K, V> {
    number: u64,
    key: K,
    value: V,
}

impl<K, V> Default for Turns<K, V> {
    fn default() -> Self {
        Self { begun: AtomicU64::new(0), last: Mutex::new(None) }
    }
}

impl<K: PartialEq, V: Clone> Turns<K, V> {
    /// What was made for this key since now.
    ///
    /// # Errors
    /// Those of making it, which nobody else is told: the next in turn makes it anew.
    pub(crate) async fn take<E>(&self, key: K, make: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if let Some(made) = last.as_ref().filter(|made| made.number > begun && made.key == key) {
            return Ok(made.value.clone());
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let value = make.await?;
        *last = Some(Made { number, key, value: value.clone() });
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    /// How many were made, with leave to make so many more.
    struct Maker {
        turns: Turns<&'static str, u64>,
        made: AtomicU64,
        leave: Semaphore,
    }

    impl Default for Maker {
        fn default() -> Self {
            Self { turns: Turns::default(), made: AtomicU64::new(0), leave: Semaphore::new(0) }
        }
    }

    impl Maker {
        async fn ask(self: Arc<Self>, key: &'static str) -> u64 {
            let make = async {
                let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
                self.leave.acquire().await.unwrap().forget();
                Ok::<_, Infallible>(number)
            };
            self.turns.take(key, make).await.unwrap()
        }

        /// Somebody asks, and is as far as they come.
        async fn asked(self: &Arc<Self>, key: &'static str) -> tokio::task::JoinHandle<u64> {
            let asking = tokio::spawn(Arc::clone(self).ask(key));
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            asking
        }
    }

    #[tokio::test]
    async fn all_who_came_during_one_share_the_next() {
        let maker = Arc::new(Maker::default());
        let first = maker.asked("a").await;
        let others = [maker.asked("a").await, maker.asked("a").await, maker.asked("a").await];
        maker.leave.add_permits(2);
        assert_eq!(first.await.unwrap(), 1);
        for other in others {
            assert_eq!(other.await.unwrap(), 2, "begun after they asked");
        }
        maker.leave.add_permits(1);
        assert_eq!(maker.asked("a").await.await.unwrap(), 3, "nothing is kept for those who come later");
    }

    #[tokio::test]
    async fn another_key_is_another_thing() {
        let maker = Arc::new(Maker::default());
        let first = maker.asked("a").await;
        let (second, third) = (maker.asked("a").await, maker.asked("b").await);
        maker.leave.add_permits(3);
        assert_eq!([first.await.unwrap(), second.await.unwrap(), third.await.unwrap()], [1, 2, 3]);
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_turn_to_the_next() {
        let maker = Arc::new(Maker::default());
        let first = maker.asked("a").await;
        let second = maker.asked("a").await;
        first.abort();
        maker.leave.add_permits(1);
        assert_eq!(second.await.unwrap(), 2);
    }
}
