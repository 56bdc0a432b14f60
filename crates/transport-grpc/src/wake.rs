//! Wakes the streams and workers of this process when a commit was written.

use countersign_usecases::port::Wake;
use tokio::sync::watch;

/// Counts commits of this process; who waits subscribes. Between replicas a short poll does the same.
#[derive(Debug)]
pub struct ProcessWake(watch::Sender<u64>);

impl Default for ProcessWake {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl ProcessWake {
    /// A receiver that changes with every commit from now on.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

impl Wake for ProcessWake {
    fn wake(&self) {
        self.0.send_modify(|commits| *commits = commits.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_subscribed_hears_of_later_commits_only() {
        let wake = ProcessWake::default();
        wake.wake();
        let receiver = wake.subscribe();
        assert!(!receiver.has_changed().unwrap());
        wake.wake();
        assert!(receiver.has_changed().unwrap());
    }
}
