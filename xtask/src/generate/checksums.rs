//! Migrations are append-only: `migrations/CHECKSUMS` lists each with its SHA-256. `gen` adds new ones; a listed one that changed or is
//! gone fails, here and in CI, because a database somewhere has already run it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::folder::{self, Drift, How};

const FILE: &str = "CHECKSUMS";
const HEADER: &str = "\
# Written by `cargo xtask gen`. A migration listed here has been released: never change or remove it, add a new one.
# Only a migration that nobody has run outside of its author's machine may be unlisted by hand, to be changed and listed again.
";

/// Adds new migrations to the list, or reports that they are missing from it; a listed one that changed fails either way.
pub(crate) fn update(migrations: &Path, check: bool) -> Result<Vec<Drift>> {
    verify(migrations)?;
    let wanted = render(&present(migrations)?);
    let path = migrations.join(FILE);
    if read(&path)? == wanted {
        return Ok(Vec::new());
    }
    if !check {
        fs::write(&path, wanted).with_context(|| format!("writing `{}`", path.display()))?;
    }
    Ok(vec![Drift { path, how: How::Changed }])
}

/// Fails, naming them, when listed migrations have changed or are gone.
pub(crate) fn verify(migrations: &Path) -> Result<()> {
    let listed = parse(&read(&migrations.join(FILE))?)?;
    let present = present(migrations)?;
    let problems: Vec<String> = listed
        .iter()
        .filter_map(|(name, sum)| match present.get(name) {
            Some(there) if there == sum => None,
            Some(_) => Some(format!("  `{name}` was changed after it was listed")),
            None => Some(format!("  `{name}` is listed but gone")),
        })
        .collect();
    if !problems.is_empty() {
        bail!(
            "migrations are append-only:\n{}\nPut them back as they were and add a new migration.",
            problems.join("\n")
        );
    }
    Ok(())
}

/// All migrations there are, by `store/name`, with their checksums.
fn present(migrations: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for store in ["postgres", "sqlite"] {
        for (name, content) in folder::files(&migrations.join(store), "sql")? {
            found.insert(format!("{store}/{name}"), hex::encode(Sha256::digest(&content)));
        }
    }
    Ok(found)
}

fn read(path: &PathBuf) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("reading `{}`", path.display())),
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, String>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (sum, name) =
                line.split_once("  ").with_context(|| format!("`{line}` is no line of `{FILE}`"))?;
            Ok((name.to_owned(), sum.to_owned()))
        })
        .collect()
}

/// The format of sha256sum, with a header.
fn render(sums: &BTreeMap<String, String>) -> String {
    let lines = sums.iter().map(|(name, sum)| format!("{sum}  {name}\n"));
    HEADER.chars().chain(lines.collect::<String>().chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_migrations_are_listed_and_listed_ones_may_not_change() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        fs::create_dir_all(root.join("sqlite")).unwrap();
        fs::write(root.join("sqlite/0001_start.sql"), "CREATE TABLE a (b);").unwrap();

        assert_eq!(update(root, true).unwrap().len(), 1, "a check reports a migration that isn't listed");
        assert!(!root.join(FILE).exists());
        assert_eq!(update(root, false).unwrap().len(), 1);
        assert_eq!(update(root, true).unwrap(), []);
        verify(root).unwrap();
        let listed = fs::read_to_string(root.join(FILE)).unwrap();
        assert!(listed.contains("  sqlite/0001_start.sql\n"), "{listed}");

        fs::write(root.join("sqlite/0002_more.sql"), "CREATE TABLE c (d);").unwrap();
        verify(root).unwrap();
        assert_eq!(update(root, false).unwrap().len(), 1);

        fs::write(root.join("sqlite/0001_start.sql"), "CREATE TABLE a (b, c);").unwrap();
        let error = update(root, false).unwrap_err().to_string();
        assert!(error.contains("`sqlite/0001_start.sql` was changed"), "{error}");
        fs::remove_file(root.join("sqlite/0002_more.sql")).unwrap();
        let error = verify(root).unwrap_err().to_string();
        assert!(error.contains("`sqlite/0002_more.sql` is listed but gone"), "{error}");
    }

    #[test]
    fn a_damaged_list_is_not_taken_for_an_empty_one() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join(FILE), "sqlite/0001_start.sql\n").unwrap();
        assert!(verify(temp.path()).unwrap_err().to_string().contains("is no line of"));
    }
}
