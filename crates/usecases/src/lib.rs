//! Where the domains meet: call a tool, decide, answer, cancel, expire, execute, resume.
