//! Running other programs: announced, with errors that name the command.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    io::Write as _,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Runs the command with our own input and output, and fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    std::io::stdout().flush()?;
    let status = command.status().with_context(|| format!("starting `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs the command quietly and returns what it wrote to stdout; its stderr goes into the error.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}: {}", shown(command), output.status, stderr.trim());
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` wrote something else than text", shown(command)))
}

/// Whether the command can be started and succeeds; what it writes is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok_and(|output| output.status.success())
}

/// Whether a program of this name is on the path.
pub(crate) fn has_program(name: &str) -> bool {
    succeeds(Command::new("sh").args(["-c", r#"command -v "$0""#, name]))
}

/// Asks again, four times a second, until the answer is yes or the time is over.
pub(crate) fn wait_until(at_most: Duration, mut ready: impl FnMut() -> bool) -> bool {
    let start = now();
    loop {
        if ready() {
            return true;
        }
        if start.elapsed() >= at_most {
            return false;
        }
        thread::sleep(Duration::from_millis(250));
    }
}

#[expect(clippy::disallowed_methods, reason = "a tool that keeps time budgets has to look at the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the tool passes the machine's own settings on")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut text = String::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            // Writing to a String can't fail.
            let _ = write!(text, "{}={} ", name.to_string_lossy(), quoted(value));
        }
    }
    text.push_str(&command.get_program().to_string_lossy());
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&quoted(argument));
    }
    text
}

fn output(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| format!("starting `{}`", shown(command)))
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.is_empty() || word.contains([' ', '\'', '"', '$', '(', ')', '|', '&', ';', '<', '>']) {
        format!("'{}'", word.replace('\'', r"'\''"))
    } else {
        word.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("cargo");
        command.env("SQLX_OFFLINE", "true").args(["test", "two words", "it's"]);
        assert_eq!(shown(&command), r"SQLX_OFFLINE=true cargo test 'two words' 'it'\''s'");
    }

    #[test]
    fn a_failing_command_is_named_with_what_it_said() {
        let error = read(Command::new("sh").args(["-c", "echo no such luck >&2; exit 3"])).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("exit 3") && text.contains("no such luck") && text.contains("exit status: 3"),
            "{text}"
        );
    }

    #[test]
    fn programs_are_found_on_the_path_only() {
        assert!(has_program("sh"));
        assert!(!has_program("countersign-no-such-program"));
    }
}
