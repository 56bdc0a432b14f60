//! How a command ends: the exit codes that scripts go by. docs/command-line.md lists them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It did what was asked; what was waited for came to a good end.
    Done,
    /// It failed for a reason that has no code of its own.
    Failed,
    /// The command line can't be used so. The code is that of clap.
    Usage,
    /// The server found what was sent wrong.
    Refused,
    /// The server doesn't know the caller, or doesn't let them do this.
    NotPermitted,
    /// There is no such request.
    NotFound,
    /// The state of the request forbids it: somebody was faster, or it is not what was seen any more.
    Conflict,
    /// The server can't be reached or can't answer now: the same may work later.
    Unavailable,
    /// What was waited for had not come when the time was over.
    TimeOver,
    /// What was waited for was denied.
    Denied,
    /// What was waited for was decided or begun too late.
    Expired,
    /// What was waited for was withdrawn.
    Cancelled,
    /// What was waited for failed: nothing was changed, or all was undone.
    NothingDone,
    /// When the time was over it was not known whether it was done.
    Unknown,
    /// The waiting was interrupted.
    Interrupted,
}

impl Ending {
    /// The exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Ending::Done => 0,
            Ending::Failed => 1,
            Ending::Usage => 2,
            Ending::Refused => 3,
            Ending::NotPermitted => 4,
            Ending::NotFound => 5,
            Ending::Conflict => 6,
            Ending::Unavailable => 7,
            Ending::TimeOver => 8,
            Ending::Denied => 10,
            Ending::Expired => 11,
            Ending::Cancelled => 12,
            Ending::NothingDone => 13,
            Ending::Unknown => 14,
            Ending::Interrupted => 130,
        }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        ExitCode::from(ending.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every ending, in the order of the codes.
    const ALL: [Ending; 15] = [
        Ending::Done,
        Ending::Failed,
        Ending::Usage,
        Ending::Refused,
        Ending::NotPermitted,
        Ending::NotFound,
        Ending::Conflict,
        Ending::Unavailable,
        Ending::TimeOver,
        Ending::Denied,
        Ending::Expired,
        Ending::Cancelled,
        Ending::NothingDone,
        Ending::Unknown,
        Ending::Interrupted,
    ];

    #[test]
    fn the_page_of_the_command_line_lists_every_exit_code_once() {
        let page = include_str!("../../../docs/command-line.md");
        let (_, section) = page.split_once("## Exit codes").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let listed: Vec<u8> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`')?.0.parse().ok())
            .collect();
        assert_eq!(listed, ALL.map(Ending::code));
    }
}
