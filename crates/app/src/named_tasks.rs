//! Tasks that are known by a name, so that whoever waits for them can tell which one ended, and that a panic is told as one.

use std::any::Any;
use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};

/// How a task ended.
#[derive(Debug)]
pub enum End<T> {
    /// By itself, with this result.
    Done(T),
    /// By a panic that said this.
    Panicked(String),
}

/// Running tasks with their names. Those that are still running are cut when this is dropped.
#[derive(Debug)]
pub struct NamedTasks<N, T> {
    tasks: JoinSet<T>,
    names: HashMap<Id, N>,
}

impl<N, T: Send + 'static> NamedTasks<N, T> {
    /// No tasks yet.
    pub fn new() -> Self {
        Self { tasks: JoinSet::new(), names: HashMap::new() }
    }

    /// Starts a task.
    pub fn start(&mut self, name: N, task: impl Future<Output = T> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits until any task ends; `None` when there is none.
    pub async fn next_end(&mut self) -> Option<(N, End<T>)> {
        loop {
            let ended = self.tasks.join_next_with_id().await?;
            if let Some(named) = self.named(ended) {
                return Some(named);
            }
        }
    }

    /// A task that has already ended, if there is one.
    pub fn ended_already(&mut self) -> Option<(N, End<T>)> {
        loop {
            let ended = self.tasks.try_join_next_with_id()?;
            if let Some(named) = self.named(ended) {
                return Some(named);
            }
        }
    }

    fn named(&mut self, ended: Result<(Id, T), JoinError>) -> Option<(N, End<T>)> {
        let (id, end) = match ended {
            Ok((id, result)) => (id, End::Done(result)),
            Err(error) => {
                let id = error.id();
                // Tasks are cut by dropping the whole set only, and then nobody is left to hear of it.
                let panic = error.try_into_panic().ok()?;
                (id, End::Panicked(words(&*panic)))
            }
        };
        Some((self.names.remove(&id)?, end))
    }
}

/// What a panic said, when it said it in words.
fn words(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = literal.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "something that is not text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_end_comes_with_its_name_and_panics_with_their_words() {
        let mut tasks = NamedTasks::new();
        assert!(tasks.next_end().await.is_none());
        tasks.start("good", async { 7 });
        tasks.start("literal", async { panic!("a literal") });
        tasks.start("formatted", async { panic!("number {}", 3) });
        tasks.start("odd", async { std::panic::panic_any(5_u8) });
        let mut ends = Vec::new();
        while let Some((name, end)) = tasks.next_end().await {
            ends.push(format!("{name}: {end:?}"));
        }
        ends.sort();
        assert_eq!(
            ends,
            [
                r#"formatted: Panicked("number 3")"#,
                "good: Done(7)",
                r#"literal: Panicked("a literal")"#,
                r#"odd: Panicked("something that is not text")"#,
            ]
        );
    }
}
