//! Keeps one folder equal to another, for files of one kind.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// A file that was not what its source says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Drift {
    pub(crate) path: PathBuf,
    pub(crate) how: How,
}

/// In what way a file differs from its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Missing,
    Changed,
    WithoutSource,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            How::Missing => "missing",
            How::Changed => "differs",
            How::WithoutSource => "has no source",
        })
    }
}

impl Drift {
    pub(crate) fn relative_to(&self, root: &Path) -> String {
        format!("{} ({})", self.path.strip_prefix(root).unwrap_or(&self.path).display(), self.how)
    }
}

/// Makes `to` hold the files of `from` that end in the extension, and no others of that kind; with `check` it only reports.
pub(crate) fn mirror(from: &Path, to: &Path, extension: &str, check: bool) -> Result<Vec<Drift>> {
    let (wanted, present) = (files(from, extension)?, files(to, extension)?);
    let mut drifts = Vec::new();
    for (name, content) in &wanted {
        let how = match present.get(name) {
            Some(there) if there == content => continue,
            Some(_) => How::Changed,
            None => How::Missing,
        };
        drifts.push(Drift { path: to.join(name), how });
        if !check {
            fs::create_dir_all(to).with_context(|| format!("creating `{}`", to.display()))?;
            fs::write(to.join(name), content)
                .with_context(|| format!("writing `{}`", to.join(name).display()))?;
        }
    }
    for name in present.keys().filter(|name| !wanted.contains_key(*name)) {
        drifts.push(Drift { path: to.join(name), how: How::WithoutSource });
        if !check {
            fs::remove_file(to.join(name))
                .with_context(|| format!("removing `{}`", to.join(name).display()))?;
        }
    }
    Ok(drifts)
}

/// The files of one kind in a folder, by name; a folder that isn't there is empty.
pub(crate) fn files(folder: &Path, extension: &str) -> Result<BTreeMap<String, Vec<u8>>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error).with_context(|| format!("reading `{}`", folder.display())),
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == extension) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.insert(name, fs::read(&path).with_context(|| format!("reading `{}`", path.display()))?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_copies_updates_and_removes_and_a_check_only_tells() {
        let temp = tempfile::tempdir().unwrap();
        let (from, to) = (temp.path().join("from"), temp.path().join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::create_dir_all(&to).unwrap();
        for (path, text) in [
            (from.join("a.sql"), "a"),
            (from.join("b.sql"), "new"),
            (to.join("b.sql"), "old"),
            (to.join("c.sql"), "c"),
        ] {
            fs::write(path, text).unwrap();
        }
        fs::write(to.join("README.md"), "not ours").unwrap();

        let expected = [
            Drift { path: to.join("a.sql"), how: How::Missing },
            Drift { path: to.join("b.sql"), how: How::Changed },
            Drift { path: to.join("c.sql"), how: How::WithoutSource },
        ];
        assert_eq!(mirror(&from, &to, "sql", true).unwrap(), expected);
        assert_eq!(fs::read_to_string(to.join("b.sql")).unwrap(), "old", "a check changes nothing");

        assert_eq!(mirror(&from, &to, "sql", false).unwrap(), expected);
        assert_eq!(mirror(&from, &to, "sql", true).unwrap(), []);
        assert_eq!(files(&from, "sql").unwrap(), files(&to, "sql").unwrap());
        assert!(to.join("README.md").exists(), "files of other kinds are left alone");
    }

    #[test]
    fn a_folder_that_is_not_there_is_empty() {
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(mirror(&temp.path().join("no"), &temp.path().join("nor"), "sql", false).unwrap(), []);
    }
}
