//! What the provider says about itself, kept for a while: asked by one for all, and held on to while it is away.

use std::sync::Arc;
use std::time::Duration;

use countersign_kernel::{Millis, Timestamp};
use countersign_usecases::port::ProviderError;
use openidconnect::core::CoreProviderMetadata;
use openidconnect::{DiscoveryError, IssuerUrl};
use tokio::sync::Mutex;

use crate::exchange::{ExchangeError, Http, in_full};

/// How long what the provider says about itself is relied on. A key it withdrew is trusted no longer than that while it can be asked.
const RELIED_ON: Millis = Millis::from_secs(3600);

/// How long it is relied on at most, while the provider can't be asked.
const HELD_ON_TO: Millis = Millis::from_days(1);

/// How long a failure is remembered, beyond the time that asking may take.
const REMEMBERED: Millis = Millis::from_secs(5);

/// Keys are asked for again no sooner than that after somebody did for a key that was not known.
const KEYS_AGAIN: Millis = Millis::from_secs(10);

/// What is needed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// What holds now.
    Current,
    /// A key that is not in what was told.
    OtherKey,
}

/// What one provider says about itself.
pub(crate) struct Metadata {
    source: Source,
    /// From when asking was begun: whoever came while it went on in vain is told so, and not made to wait for another try.
    remembered: Millis,
    kept: Arc<Mutex<Kept>>,
}

/// Whom to ask.
#[derive(Clone)]
struct Source {
    issuer: IssuerUrl,
    http: Http,
    timeout: Duration,
}

/// What was told so far.
#[derive(Default)]
struct Kept {
    told: Option<Told>,
    failure: Option<Failure>,
    /// When a key was asked for that was not known.
    other_key_at: Option<Timestamp>,
}

struct Told {
    metadata: CoreProviderMetadata,
    at: Timestamp,
}

/// The provider was asked in vain.
struct Failure {
    silence: Silence,
    begun_at: Timestamp,
}

/// Why nothing usable was told.
#[derive(Clone, Debug)]
struct Silence {
    why: String,
    /// Nobody answered, or somebody in front of the provider who can't reach it either. Otherwise it said something that doesn't hold.
    away: bool,
}

impl Metadata {
    /// Nothing has been asked yet.
    pub(crate) fn new(issuer: IssuerUrl, http: Http, timeout: Duration) -> Self {
        let asking = Millis(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        let remembered = Millis(asking.0.saturating_add(REMEMBERED.0));
        Self { source: Source { issuer, http, timeout }, remembered, kept: Arc::default() }
    }

    /// Asks the provider now, and keeps nothing.
    ///
    /// # Errors
    /// It can't be asked, or says something that doesn't hold.
    pub(crate) async fn ask(&self) -> Result<CoreProviderMetadata, ProviderError> {
        self.source.ask().await.map_err(Silence::into)
    }

    /// What was told, or is told now when that is too long ago or does not suffice.
    ///
    /// # Errors
    /// The provider can't be asked, or couldn't a moment ago, and nothing that it told before can be held on to.
    pub(crate) async fn get(
        &self,
        need: Need,
        now: Timestamp,
    ) -> Result<CoreProviderMetadata, ProviderError> {
        let mut kept = Arc::clone(&self.kept).lock_owned().await;
        if let Some(answer) = kept.answer(need, now, self.remembered) {
            return answer;
        }
        // In a task of its own: whoever gives up on a sign-in doesn't end what the others wait for.
        let source = self.source.clone();
        let asking = tokio::spawn(async move { kept.settle(source.ask().await, need, now) });
        let ended = |_| ProviderError::Unavailable { why: "asking it was broken off".to_owned() };
        asking.await.map_err(ended)?
    }
}

impl Source {
    /// Metadata and keys, both within one timeout: a browser waits for them.
    async fn ask(&self) -> Result<CoreProviderMetadata, Silence> {
        let asking = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http);
        match tokio::time::timeout(self.timeout, asking).await {
            Ok(told) => told.map_err(|error| Silence { why: in_full(&error), away: is_away(&error) }),
            Err(_) => Err(Silence { why: "it takes too long to say what it is".to_owned(), away: true }),
        }
    }
}

impl Kept {
    /// What can be said without asking, if anything.
    fn answer(
        &self,
        need: Need,
        now: Timestamp,
        remembered: Millis,
    ) -> Option<Result<CoreProviderMetadata, ProviderError>> {
        let failure = self.failure.as_ref().filter(|failure| now < failure.begun_at.plus(remembered));
        match need {
            Need::Current => {
                let silence = failure.map(|failure| &failure.silence);
                let held = || silence.map(|silence| self.despite(silence, now));
                self.told_within(RELIED_ON, now).map(Ok).or_else(held)
            }
            Need::OtherKey => {
                let failed = failure.map(|failure| Err(failure.silence.clone().into()));
                let lately = self.other_key_at.is_some_and(|at| now < at.plus(KEYS_AGAIN));
                failed.or_else(|| self.told.as_ref().filter(|_| lately).map(|told| Ok(told.metadata.clone())))
            }
        }
    }

    /// Takes in what came of asking, and says what that means for whoever asked.
    fn settle(
        &mut self,
        asked: Result<CoreProviderMetadata, Silence>,
        need: Need,
        now: Timestamp,
    ) -> Result<CoreProviderMetadata, ProviderError> {
        match asked {
            Ok(metadata) => {
                if need == Need::OtherKey {
                    self.other_key_at = Some(now);
                }
                self.told = Some(Told { metadata: metadata.clone(), at: now });
                self.failure = None;
                Ok(metadata)
            }
            Err(silence) => {
                let answer = match need {
                    Need::Current => self.despite(&silence, now),
                    // What was told before lacks the key.
                    Need::OtherKey => Err(silence.clone().into()),
                };
                if answer.is_ok() {
                    let why = &silence.why;
                    tracing::warn!(
                        why,
                        "the provider of identities is away; what it said last is held on to"
                    );
                }
                self.failure = Some(Failure { silence, begun_at: now });
                answer
            }
        }
    }

    /// What was told before, where the provider is only away, and that for not too long.
    fn despite(&self, silence: &Silence, now: Timestamp) -> Result<CoreProviderMetadata, ProviderError> {
        let held = self.told_within(HELD_ON_TO, now).filter(|_| silence.away);
        held.ok_or_else(|| silence.clone().into())
    }

    fn told_within(&self, span: Millis, now: Timestamp) -> Option<CoreProviderMetadata> {
        let told = self.told.as_ref().filter(|told| now < told.at.plus(span));
        told.map(|told| told.metadata.clone())
    }
}

impl From<Silence> for ProviderError {
    fn from(silence: Silence) -> Self {
        Self::Unavailable { why: silence.why }
    }
}

fn is_away(error: &DiscoveryError<ExchangeError>) -> bool {
    match error {
        DiscoveryError::Request(ExchangeError::Failed(_)) => true,
        DiscoveryError::Request(ExchangeError::TooBig | ExchangeError::Unreadable(_)) => false,
        DiscoveryError::Response(status, ..) => status.is_server_error(),
        _ => false,
    }
}
