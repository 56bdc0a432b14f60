//! What happens, as it happens: the server's stream, opened again whenever it ends, from where it ended.

use std::collections::HashSet;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use reqwest::Response;
use sse_stream::{Sse, SseByteStream};

use super::answers::{Answer, Change};
use super::{Failure, Staff, in_full};
use crate::ending::Ending;

/// How long to wait before the stream is opened again, until the server says how long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What there is to tell.
#[derive(Debug)]
pub(crate) enum News {
    /// Something happened.
    Change(Answer<Change>),
    /// The server can't be followed now; it is tried again until it can.
    Lost(Failure),
}

/// A stream that is followed. Each change is told once.
pub(crate) struct Feed {
    staff: Staff,
    query: Vec<(&'static str, String)>,
    messages: Option<Messages>,
    /// Where to go on.
    place: Option<String>,
    /// What has been told since that place: it comes again with a stream that is opened there.
    told: HashSet<String>,
    /// The server's word for how long to wait.
    retry: Duration,
    /// Tries since the stream was last there.
    tries: u32,
}

type Messages = Pin<Box<dyn Stream<Item = Result<Sse, sse_stream::Error>> + Send>>;

impl Feed {
    /// Opens the stream: it begins now.
    pub(crate) async fn open(staff: Staff, query: Vec<(&'static str, String)>) -> Result<Self, Failure> {
        let response = staff.stream(&query, None).await?;
        let mut feed = Self {
            staff,
            query,
            messages: Some(messages(response)),
            place: None,
            told: HashSet::new(),
            retry: FIRST_PAUSE,
            tries: 0,
        };
        // Until its place is known, what happens could be missed.
        while feed.place.is_none() {
            let message = match &mut feed.messages {
                Some(messages) => messages.next().await,
                None => None,
            };
            match message {
                Some(Ok(message)) => {
                    feed.hear(message)?;
                }
                Some(Err(error)) => return Err(feed.broken(&error)),
                None => return Err(feed.staff.foreign("its stream ended before it began", true)),
            }
        }
        Ok(feed)
    }

    /// What happens next. A refusal ends it: a token that is no longer good, a filter that the server doesn't take.
    pub(crate) async fn next(&mut self) -> Result<News, Failure> {
        loop {
            let Some(messages) = &mut self.messages else {
                if let Some(failure) = self.reopen().await? {
                    return Ok(News::Lost(failure));
                }
                continue;
            };
            match messages.next().await {
                Some(Ok(message)) => {
                    if let Some(change) = self.hear(message)? {
                        return Ok(News::Change(change));
                    }
                }
                // The server ends streams now and then, and all of them when it stops; what broke off is as good as ended.
                Some(Err(_)) | None => self.messages = None,
            }
        }
    }

    /// Tries to open the stream where it ended. Tells what is in the way when that is met for the first time.
    async fn reopen(&mut self) -> Result<Option<Failure>, Failure> {
        tokio::time::sleep(pause(self.retry, self.tries)).await;
        self.tries += 1;
        match self.staff.stream(&self.query, self.place.as_deref()).await {
            Ok(response) => {
                self.messages = Some(messages(response));
                Ok(None)
            }
            Err(failure) if failure.ending() == Ending::Unavailable => {
                if let Some(seconds) = failure.retry_after_s() {
                    self.retry = self.retry.max(Duration::from_secs(seconds)).min(LONGEST_PAUSE);
                }
                Ok((self.tries == 1).then_some(failure))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Takes in a message; what it tells, if that is new.
    fn hear(&mut self, message: Sse) -> Result<Option<Answer<Change>>, Failure> {
        self.tries = 0;
        if let Some(retry) = message.retry {
            self.retry = Duration::from_millis(retry).clamp(Duration::from_millis(10), LONGEST_PAUSE);
        }
        let is_change = message.event.as_deref() == Some("change");
        let change = message.data.filter(|_| is_change).map(|data| self.read(&data)).transpose()?;
        let new = change.filter(|change| self.told.insert(change.read.id.clone()));
        if let Some(place) = message.id.filter(|place| !place.is_empty()) {
            self.place = Some(place);
            self.told.clear();
        }
        Ok(new)
    }

    fn read(&self, data: &str) -> Result<Answer<Change>, Failure> {
        let document = serde_json::from_str(data);
        self.staff
            .read(document.map_err(|_| self.staff.foreign("a message of its stream is not JSON", false))?)
    }

    fn broken(&self, error: &sse_stream::Error) -> Failure {
        Failure::Unreachable { server: self.staff.server.clone(), why: error.to_string() }
    }
}

/// The messages of a stream.
fn messages(response: Response) -> Messages {
    let chunks = stream::try_unfold(response, |mut response| async {
        Ok(response.chunk().await?.map(|chunk| (chunk, response)))
    });
    let chunks = chunks.map_err(|error: reqwest::Error| std::io::Error::other(in_full(error)));
    Box::pin(SseByteStream::new(Box::pin(chunks)))
}

/// How long to wait before a try: twice as long each time, and never very long.
fn pause(first: Duration, tries: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(tries)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed() -> Feed {
        let server = "http://127.0.0.1:1".parse().unwrap();
        // The client wants to know its cryptography even where it speaks without.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Feed {
            staff: Staff::at(server, "token").unwrap(),
            query: Vec::new(),
            messages: None,
            place: None,
            told: HashSet::new(),
            retry: FIRST_PAUSE,
            tries: 3,
        }
    }

    fn change(id: &str) -> Sse {
        let data = format!(r#"{{"id":"{id}","at":"2026-01-01T00:00:00Z","type":"approval.voted"}}"#);
        Sse::default().event("change").data(data)
    }

    #[test]
    fn pauses_grow_and_have_an_end() {
        let seconds: Vec<_> = (0..8).map(|tries| pause(FIRST_PAUSE, tries).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(pause(FIRST_PAUSE, u32::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn what_comes_again_is_told_once() {
        let mut feed = feed();
        let ready = Sse::default().event("ready").data("{}").id("place-0").retry(250);
        assert!(feed.hear(ready).unwrap().is_none());
        assert_eq!((feed.place.as_deref(), feed.retry.as_millis(), feed.tries), (Some("place-0"), 250, 0));
        assert!(feed.hear(change("a")).unwrap().is_some());
        assert_eq!(feed.place.as_deref(), Some("place-0"), "only the last message of a page has a place");
        // The connection breaks; the stream is opened at the place, and tells the same again.
        assert!(feed.hear(change("a")).unwrap().is_none());
        assert!(feed.hear(change("b").id("place-1")).unwrap().is_some());
        assert_eq!((feed.place.as_deref(), feed.told.len()), (Some("place-1"), 0));
    }

    #[test]
    fn what_is_no_change_is_passed_over_and_what_is_malformed_is_said() {
        let mut feed = feed();
        assert!(feed.hear(Sse::default().event("of-another-version").data("x")).unwrap().is_none());
        assert!(feed.hear(Sse::default().event("change").data("{}")).is_err());
    }
}
