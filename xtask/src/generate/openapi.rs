//! The OpenAPI document of the REST surface, made from its handlers: an example of `countersign-transport-http` prints it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::folder::{Drift, How};
use crate::{shell, workspace};

const FILE: &str = "openapi/countersign.json";

/// Writes the document, or reports that the one in the repository is another.
pub(super) fn prepare(root: &Path, check: bool) -> Result<Vec<Drift>> {
    let mut command = workspace::cargo();
    command.args(["run", "--quiet", "--package", "countersign-transport-http", "--example", "openapi"]);
    update(&root.join(FILE), &shell::read(&mut command)?, check)
}

fn update(path: &Path, wanted: &str, check: bool) -> Result<Vec<Drift>> {
    let how = match fs::read_to_string(path) {
        Ok(present) if present == wanted => return Ok(Vec::new()),
        Ok(_) => How::Changed,
        Err(_) => How::Missing,
    };
    if !check {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("creating `{}`", folder.display()))?;
        }
        fs::write(path, wanted).with_context(|| format!("writing `{}`", path.display()))?;
    }
    Ok(vec![Drift { path: path.to_path_buf(), how }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_written_once_and_a_check_only_tells() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("openapi/x.json");
        let missing = Drift { path: path.clone(), how: How::Missing };
        assert_eq!(update(&path, "{}\n", true).unwrap(), [missing]);
        assert!(!path.exists());
        assert_eq!(update(&path, "{}\n", false).unwrap().len(), 1);
        assert_eq!(update(&path, "{}\n", true).unwrap(), []);
        let changed = Drift { path: path.clone(), how: How::Changed };
        assert_eq!(update(&path, "{ }\n", true).unwrap(), [changed]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}\n");
    }
}
