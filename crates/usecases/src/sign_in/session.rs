//! A session: how long it is good, and when its secret changes. Pure.
//!
//! A secret is replaced every so often, so that one that leaked is soon worth nothing. The one before stays good until the new one has
//! been seen, and a little longer: requests that were under way at the same time, and an answer that got lost, sign nobody out.

use countersign_kernel::{Digest, Millis, SessionId, Timestamp};

use super::person::Person;
use super::secret::Secret;

/// How long the secret before stays good once the new one was used; and how long an answer with a new secret may be under way.
pub const GRACE: Millis = Millis::from_secs(60);

/// A session's last use is noted this often at most: looking at something is no reason to write each time.
const NOTED_EVERY: Millis = Millis::from_secs(60);

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a request for so long, a session is over.
    pub idle: Millis,
    /// However busy, a session is over after so long.
    pub absolute: Millis,
    /// The secret is replaced after so long.
    pub rotate_after: Millis,
}

/// A person's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name in logs.
    pub id: SessionId,
    /// Who it is about, as proved at the sign-in.
    pub person: Person,
    /// What a form or script of our own pages has to repeat. Other sites can't read it. It lasts as long as the session, so that a page
    /// that was open for hours still works.
    pub csrf: Secret,
    /// The hash of the secret in the cookie.
    pub secret: Digest,
    /// The secret before.
    pub previous: Option<Previous>,
    /// When the person proved who they are.
    pub signed_in_at: Timestamp,
    /// When the secret was last replaced.
    pub rotated_at: Timestamp,
    /// When it was last used, give or take [`GRACE`].
    pub last_used_at: Timestamp,
    /// When it is over, however busy.
    pub ends_at: Timestamp,
    /// When somebody ended it.
    pub revoked_at: Option<Timestamp>,
    /// Grows with each change.
    pub version: u64,
}

/// A secret that was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its hash.
    pub secret: Digest,
    /// Until when it is good; not settled as long as the new one was not used.
    pub good_until: Option<Timestamp>,
}

/// What a use of a session comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// Nothing is to be written.
    AsIs,
    /// The session as it is now, to be written.
    Noted(Box<Session>),
    /// The browser is to get a new secret.
    NewSecret,
}

/// Why a session is good no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// Somebody signed out, or was signed out.
    Revoked,
    /// It has lasted as long as a session may.
    Absolute,
    /// Nobody used it for too long.
    Idle,
    /// The secret was replaced, and the new one is in use: either a very late request, or two browsers share one secret.
    Replaced,
}

impl Ended {
    /// The reason's one spelling, for logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Absolute => "absolute_limit",
            Self::Idle => "idle_limit",
            Self::Replaced => "replaced_secret",
        }
    }
}

impl Session {
    /// Begins a session.
    pub fn begin(
        id: SessionId,
        person: Person,
        secret: &Secret,
        csrf: Secret,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            person,
            csrf,
            secret: secret.hash(),
            previous: None,
            signed_in_at: now,
            rotated_at: now,
            last_used_at: now,
            ends_at: now.plus(limits.absolute),
            revoked_at: None,
            version: 1,
        }
    }

    /// What using it with this secret comes to. The secret is the current one or the one before: by these it was found.
    ///
    /// # Errors
    /// The session is over, or the secret is.
    pub fn used_with(&self, secret: &Digest, limits: &SessionLimits, now: Timestamp) -> Result<Use, Ended> {
        if self.revoked_at.is_some() {
            return Err(Ended::Revoked);
        }
        if now >= self.ends_at {
            return Err(Ended::Absolute);
        }
        if now >= self.last_used_at.plus(limits.idle) {
            return Err(Ended::Idle);
        }
        if *secret == self.secret {
            Ok(self.used_with_current(limits, now))
        } else {
            self.used_with_previous(limits, now)
        }
    }

    /// The same, knowing that the browser has the new secret: the one before is good for a moment more. None when that is known, or when it
    /// is not this secret that shows it. It is no use of the session by itself.
    pub fn confirmed_by(&self, secret: &Digest, now: Timestamp) -> Option<Self> {
        match self.previous {
            Some(Previous { secret: previous, good_until: None }) if *secret == self.secret => {
                let previous = Some(Previous { secret: previous, good_until: Some(now.plus(GRACE)) });
                Some(Self { previous, version: self.version + 1, ..self.clone() })
            }
            Some(_) | None => None,
        }
    }

    fn used_with_current(&self, limits: &SessionLimits, now: Timestamp) -> Use {
        if let Some(confirmed) = self.confirmed_by(&self.secret, now) {
            return Use::Noted(Box::new(Self { last_used_at: now, ..confirmed }));
        }
        if now >= self.rotated_at.plus(limits.rotate_after) {
            return Use::NewSecret;
        }
        self.note_if_due(limits, now)
    }

    fn used_with_previous(&self, limits: &SessionLimits, now: Timestamp) -> Result<Use, Ended> {
        match self.previous.and_then(|previous| previous.good_until) {
            Some(good_until) if now >= good_until => Err(Ended::Replaced),
            Some(_) => Ok(self.note_if_due(limits, now)),
            // The answer with the new secret must have been lost by now.
            None if now >= self.rotated_at.plus(GRACE) => Ok(Use::NewSecret),
            None => Ok(self.note_if_due(limits, now)),
        }
    }

    fn note_if_due(&self, limits: &SessionLimits, now: Timestamp) -> Use {
        // A short idle limit is kept exactly enough, too.
        let every = NOTED_EVERY.min(Millis(limits.idle.0 / 10));
        if now >= self.last_used_at.plus(every) { Use::Noted(Box::new(self.noted(now))) } else { Use::AsIs }
    }

    fn noted(&self, now: Timestamp) -> Self {
        Self { last_used_at: now, version: self.version + 1, ..self.clone() }
    }

    /// The same with a new secret; `presented`, by which the session was found, stays good until the new one is used.
    #[must_use]
    pub fn with_new_secret(&self, secret: &Secret, presented: Digest, now: Timestamp) -> Self {
        Self {
            secret: secret.hash(),
            previous: Some(Previous { secret: presented, good_until: None }),
            rotated_at: now,
            ..self.noted(now)
        }
    }

    /// The same, ended by somebody; once it is, it stays as it is.
    #[must_use]
    pub fn revoked(&self, now: Timestamp) -> Self {
        Self { revoked_at: Some(self.revoked_at.unwrap_or(now)), version: self.version + 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use countersign_kernel::{Principal, Proof};

    use super::*;
    use crate::port::Entropy;

    const LIMITS: SessionLimits = SessionLimits {
        idle: Millis::from_secs(1800),
        absolute: Millis::from_secs(12 * 3600),
        rotate_after: Millis::from_secs(900),
    };

    struct Same(u8);

    impl Entropy for Same {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    fn secret(byte: u8) -> Secret {
        Secret::draw(&Same(byte))
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_micros(1_767_600_000_000_000).plus(Millis::from_secs(seconds))
    }

    fn session() -> Session {
        let alice = Principal::parse("user:corp:alice").unwrap();
        let person = Person::new(alice, Proof::Oidc, Some("Alice"), BTreeSet::new(), BTreeSet::new());
        Session::begin(SessionId::from_parts(at(0), [1; 10]), person, &secret(1), secret(9), &LIMITS, at(0))
    }

    fn used(session: &Session, with: u8, seconds: u64) -> Result<Use, Ended> {
        session.used_with(&secret(with).hash(), &LIMITS, at(seconds))
    }

    fn noted(session: &Session, with: u8, seconds: u64) -> Session {
        match used(session, with, seconds) {
            Ok(Use::Noted(session)) => *session,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_use_is_noted_now_and_then() {
        let session = session();
        assert_eq!(used(&session, 1, 59), Ok(Use::AsIs));
        let later = noted(&session, 1, 60);
        assert_eq!((later.last_used_at, later.version), (at(60), 2));
        assert_eq!(later, Session { last_used_at: at(60), version: 2, ..session });
    }

    #[test]
    fn it_is_over_when_nobody_used_it() {
        let session = session();
        assert!(used(&session, 1, 1799).is_ok());
        assert_eq!(used(&session, 1, 1800), Err(Ended::Idle));
        let short = SessionLimits { idle: Millis::from_secs(60), ..LIMITS };
        let use_at = |seconds| session.used_with(&secret(1).hash(), &short, at(seconds));
        assert_eq!(use_at(5), Ok(Use::AsIs));
        assert!(matches!(use_at(6), Ok(Use::Noted(_))), "a short limit is kept exactly enough");
    }

    #[test]
    fn it_is_over_after_so_long_however_busy() {
        let busy = Session { last_used_at: at(12 * 3600 - 1), rotated_at: at(12 * 3600 - 1), ..session() };
        assert!(used(&busy, 1, 12 * 3600 - 1).is_ok());
        assert_eq!(used(&busy, 1, 12 * 3600), Err(Ended::Absolute));
    }

    #[test]
    fn it_is_over_once_it_is_revoked_and_keeps_the_first_time() {
        let revoked = session().revoked(at(5));
        assert_eq!(used(&revoked, 1, 6), Err(Ended::Revoked));
        assert_eq!(revoked.revoked(at(7)).revoked_at, Some(at(5)));
    }

    #[test]
    fn a_secret_of_a_certain_age_is_replaced() {
        let session = Session { last_used_at: at(899), ..session() };
        assert_eq!(used(&session, 1, 899), Ok(Use::AsIs));
        assert_eq!(used(&session, 1, 900), Ok(Use::NewSecret));
        let rotated = session.with_new_secret(&secret(2), secret(1).hash(), at(900));
        assert_eq!((rotated.secret, rotated.rotated_at), (secret(2).hash(), at(900)));
        assert_eq!(rotated.signed_in_at, at(0), "the absolute limit counts from the sign-in");
        assert_eq!(rotated.ends_at, session.ends_at);
        assert_eq!(rotated.csrf, session.csrf, "pages that are open still work");
    }

    #[test]
    fn requests_under_way_with_the_secret_before_are_let_through_without_another_one() {
        let rotated = session().with_new_secret(&secret(2), secret(1).hash(), at(900));
        assert_eq!(used(&rotated, 1, 901), Ok(Use::AsIs));
        let seen = noted(&rotated, 2, 910);
        assert_eq!(seen.previous, Some(Previous { secret: secret(1).hash(), good_until: Some(at(970)) }));
        assert_eq!(used(&seen, 1, 969), Ok(Use::AsIs));
        assert_eq!(used(&seen, 1, 970), Err(Ended::Replaced));
        assert!(used(&seen, 2, 970).is_ok(), "the new one goes on");
    }

    #[test]
    fn an_answer_that_got_lost_signs_nobody_out() {
        let rotated = session().with_new_secret(&secret(2), secret(1).hash(), at(900));
        assert_eq!(used(&rotated, 1, 959), Ok(Use::AsIs), "it may be under way still");
        assert_eq!(used(&rotated, 1, 960), Ok(Use::NewSecret));
        let again = rotated.with_new_secret(&secret(3), secret(1).hash(), at(960));
        assert!(used(&again, 1, 961).is_ok() && used(&again, 3, 961).is_ok());
        assert_eq!(again.previous.map(|previous| previous.secret), Some(secret(1).hash()));
    }
}
