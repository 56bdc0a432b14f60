//! Signing keys: the one in use, and tokens signed with it or wrongly.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use ring::{digest, hmac};
use serde_json::{Value, json};

/// A key that anybody may know: it signs for a stand-in only.
const RSA_KEY: &[u8] = include_bytes!("rsa-key.der");

enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

/// The keys of the stand-in.
pub(super) struct Keys {
    number: u32,
    pair: Pair,
}

impl Keys {
    /// The first key.
    #[expect(clippy::expect_used, reason = "the key is part of this program, and whole")]
    pub(super) fn first() -> Self {
        let pair = RsaKeyPair::from_pkcs8(RSA_KEY).expect("the key is PKCS#8");
        Self { number: 1, pair: Pair::Rsa(Box::new(pair)) }
    }

    /// A key that nobody has seen takes the place of the one in use.
    pub(super) fn rotate(&mut self) {
        *self = Self { number: self.number + 1, pair: Pair::P256(Box::new(fresh())) };
    }

    fn id(&self) -> String {
        format!("key-{}", self.number)
    }

    /// The published keys (RFC 7517).
    pub(super) fn published(&self) -> Value {
        let mut key = match &self.pair {
            Pair::Rsa(pair) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "alg": "RS256", "n": text(&public.n), "e": text(&public.e)})
            }
            Pair::P256(pair) => {
                // An uncompressed point: a byte that says so, then both coordinates.
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "alg": "ES256", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
            }
        };
        key["kid"] = json!(self.id());
        key["use"] = json!("sig");
        json!({"keys": [key]})
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
        }
    }

    /// A signed token.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let signed = self.unsigned(self.algorithm(), claims);
        let signature = self.signature(signed.as_bytes());
        format!("{signed}.{}", text(&signature))
    }

    /// A token with the signature of another one.
    pub(super) fn sign_otherwise(&self, claims: &Value) -> String {
        let signature = self.signature(b"another token");
        format!("{}.{}", self.unsigned(self.algorithm(), claims), text(&signature))
    }

    /// A token signed with a key that is not published, under the name of the one that is.
    pub(super) fn sign_unpublished(&self, claims: &Value) -> String {
        Self { number: self.number, pair: Pair::P256(Box::new(fresh())) }.sign(claims)
    }

    /// A token signed with a secret.
    pub(super) fn sign_with_secret(&self, claims: &Value, secret: &str) -> String {
        let signed = self.unsigned("HS256", claims);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        format!("{signed}.{}", text(hmac::sign(&key, signed.as_bytes()).as_ref()))
    }

    /// A token that says that it has no signature.
    pub(super) fn leave_unsigned(&self, claims: &Value) -> String {
        format!("{}.", self.unsigned("none", claims))
    }

    fn unsigned(&self, algorithm: &str, claims: &Value) -> String {
        let head = json!({"alg": algorithm, "typ": "JWT", "kid": self.id()});
        format!("{}.{}", text(head.to_string().as_bytes()), text(claims.to_string().as_bytes()))
    }

    #[expect(clippy::expect_used, reason = "signing fails only when the system has no randomness")]
    fn signature(&self, bytes: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature).expect("there is randomness");
                signature
            }
            Pair::P256(pair) => pair.sign(&random, bytes).expect("there is randomness").as_ref().to_vec(),
        }
    }
}

#[expect(clippy::expect_used, reason = "a key can be made unless the system has no randomness")]
fn fresh() -> EcdsaKeyPair {
    let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("there is randomness");
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("it was just made")
}

/// The challenge that belongs to a PKCE verifier (RFC 7636, section 4.2, S256).
pub(super) fn challenge_of(verifier: &str) -> String {
    text(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref())
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
