//! `countersign token`: make tokens and keys.

use std::process::ExitCode;

use anyhow::{Context, Result};
use countersign_kernel::Principal;
use countersign_usecases::access::Role;
use countersign_usecases::port::Entropy;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::say;
use crate::ambient::OsEntropy;
use crate::cli::TokenCommand;
use crate::{master_keys, run_tokens};

pub(super) fn run(command: TokenCommand) -> Result<ExitCode> {
    match command {
        TokenCommand::New { principal, roles } => {
            let principal = Principal::parse(&principal)?;
            for role in &roles {
                role.parse::<Role>().with_context(|| format!("--role {role}"))?;
            }
            let made = Bearer::generate();
            say(format!(
                "# The token, shown once. Give it to its holder and keep no copy:\n{}",
                &*made.token
            ));
            say("\n# For the server's configuration:");
            say(format!("[identities.\"{principal}\"]\nprincipal = \"{principal}\"\nroles = {roles:?}"));
            say(format!("token_sha256 = \"{}\"", made.hash));
        }
        TokenCommand::RunKey => say(&*run_tokens::generate_key()?),
        TokenCommand::MasterKey => say(&*master_keys::generate_key()),
    }
    Ok(ExitCode::SUCCESS)
}

/// A fresh bearer token with its hash.
pub(crate) struct Bearer {
    /// The token: 256 random bits behind a prefix that secret scanners can know.
    pub(crate) token: Zeroizing<String>,
    /// SHA-256 of the token, hex.
    pub(crate) hash: String,
}

impl Bearer {
    pub(crate) fn generate() -> Self {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        OsEntropy.fill(&mut bytes[..]);
        let token = Zeroizing::new(format!("cst_{}", hex::encode(&bytes[..])));
        let hash = hex::encode(Sha256::digest(token.as_bytes()));
        Self { token, hash }
    }
}
