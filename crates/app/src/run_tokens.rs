//! Run tokens: PASETO v4.public (Ed25519), key id in the footer, identity as the only claim of ours.
//!
//! Format: <https://github.com/paseto-standard/paseto-spec>. The audience is checked, and so are `iat`, `nbf` and `exp`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use countersign_kernel::{Millis, RunId, Timestamp};
use countersign_usecases::access::{RunTokenVerifier, TokenRejection};
use countersign_usecases::port::{IssuedToken, RunTokens, TokenError};
use pasetors::claims::{Claims, ClaimsValidationRules};
use pasetors::footer::Footer;
use pasetors::keys::{AsymmetricKeyPair, AsymmetricPublicKey, AsymmetricSecretKey, Generate as _};
use pasetors::paserk::{FormatAsPaserk as _, Id};
use pasetors::token::UntrustedToken;
use pasetors::version4::V4;
use pasetors::{Public, public};
use secrecy::ExposeSecret as _;

use crate::config::RunTokenConfig;
use crate::config::secret::SecretSource;

struct Key {
    secret: AsymmetricSecretKey<V4>,
    public: AsymmetricPublicKey<V4>,
}

/// Signs and verifies run tokens.
pub struct PasetoRunTokens {
    audience: String,
    lifetime: Millis,
    active: Key,
    /// Public keys by their PASERK id, as footers name them.
    accepted: BTreeMap<String, AsymmetricPublicKey<V4>>,
}

impl PasetoRunTokens {
    /// Reads the keys.
    ///
    /// # Errors
    /// A key can't be read or is not 32 bytes in hex, or the active one is not among them.
    pub fn from_config(config: &RunTokenConfig) -> Result<Self> {
        let mut accepted = BTreeMap::new();
        let mut active = None;
        for (id, source) in &config.keys {
            let key = read_key(source).with_context(|| format!("run token key `{id}`"))?;
            accepted.insert(key_id(&key.public)?, key.public.clone());
            if *id == config.active {
                active = Some(key);
            }
        }
        let Some(active) = active else {
            bail!("run_tokens.active names `{}`, which is not among run_tokens.keys", config.active);
        };
        let lifetime = Millis::from_secs(config.lifetime_s);
        Ok(Self { audience: config.audience.clone(), lifetime, active, accepted })
    }

    /// The run of a token of ours that is in its time; why it is not accepted is nobody's business.
    fn read(&self, token: &str) -> Option<RunId> {
        let untrusted = UntrustedToken::<Public, V4>::try_from(token).ok()?;
        let mut footer = Footer::new();
        footer.parse_bytes(untrusted.untrusted_footer()).ok()?;
        let key = self.accepted.get(footer.get_claim("kid")?.as_str()?)?;
        let mut rules = ClaimsValidationRules::new();
        rules.validate_audience_with(&self.audience);
        let trusted = public::verify(key, &untrusted, &rules, Some(&footer), None).ok()?;
        let subject = trusted.payload_claims()?.get_claim("sub")?.as_str()?;
        RunId::parse(subject).ok()
    }

    fn sign(&self, run: &RunId, now: Timestamp, expires_at: Timestamp) -> Result<String> {
        let mut claims = Claims::new()?;
        claims.audience(&self.audience)?;
        claims.subject(run.as_str())?;
        claims.issued_at(&now.to_string())?;
        claims.not_before(&now.to_string())?;
        claims.expiration(&expires_at.to_string())?;
        let mut footer = Footer::new();
        footer.key_id(&Id::from(&self.active.public));
        Ok(public::sign(&self.active.secret, &claims, Some(&footer), None)?)
    }
}

impl RunTokenVerifier for PasetoRunTokens {
    fn verify(&self, token: &str) -> Result<RunId, TokenRejection> {
        self.read(token).ok_or(TokenRejection)
    }
}

impl RunTokens for PasetoRunTokens {
    fn issue(&self, run: &RunId, now: Timestamp) -> Result<IssuedToken, TokenError> {
        // A replica's clock may be a little behind the database's: a token must not begin in its future.
        let begins =
            Timestamp::from_unix_micros(now.unix_micros().min(crate::ambient::host_now().unix_micros()));
        let expires_at = now.plus(self.lifetime);
        let token = self.sign(run, begins, expires_at).map_err(|error| TokenError(error.to_string()))?;
        Ok(IssuedToken { token, expires_at })
    }
}

/// A fresh signing key as PASERK text (`k4.secret.…`).
///
/// # Errors
/// The operating system gives no randomness.
pub fn generate_key() -> Result<zeroize::Zeroizing<String>> {
    let pair = AsymmetricKeyPair::<V4>::generate()?;
    let mut text = zeroize::Zeroizing::new(String::new());
    pair.secret.fmt(&mut *text).context("a key has a text")?;
    Ok(text)
}

fn read_key(source: &SecretSource) -> Result<Key> {
    let text = source.read()?;
    let secret = AsymmetricSecretKey::<V4>::try_from(text.expose_secret())
        .context("a run token key is PASERK text, `k4.secret.…`")?;
    let public = AsymmetricPublicKey::<V4>::try_from(&secret)?;
    Ok(Key { secret, public })
}

fn key_id(public: &AsymmetricPublicKey<V4>) -> Result<String> {
    let mut text = String::new();
    Id::from(public).fmt(&mut text).context("a key has an id")?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(audience: &str, key: &str) -> PasetoRunTokens {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), key).unwrap();
        let keys = BTreeMap::from([("k1".to_owned(), SecretSource::File(file.path().to_owned()))]);
        let config =
            RunTokenConfig { audience: audience.to_owned(), lifetime_s: 60, active: "k1".to_owned(), keys };
        PasetoRunTokens::from_config(&config).unwrap()
    }

    #[test]
    fn a_token_names_its_run_and_nothing_else_is_accepted() {
        let key = generate_key().unwrap();
        let ours = tokens("countersign", &key);
        let run = RunId::parse("run-1").unwrap();
        let now = crate::ambient::host_now();
        let token = ours.issue(&run, now).unwrap().token;
        assert_eq!(ours.verify(&token), Ok(run.clone()));
        assert_eq!(tokens("elsewhere", &key).verify(&token), Err(TokenRejection));
        assert_eq!(tokens("countersign", &generate_key().unwrap()).verify(&token), Err(TokenRejection));
        let long_ago = Timestamp::from_unix_micros(now.unix_micros() - 3_600_000_000);
        let expired = ours.issue(&run, long_ago).unwrap().token;
        assert_eq!(ours.verify(&expired), Err(TokenRejection));
        let mut forged = token;
        forged.replace_range(20..21, "x");
        assert_eq!(ours.verify(&forged), Err(TokenRejection));
    }
}
