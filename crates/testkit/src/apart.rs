//! Tests that need a process of their own: other environment variables, its whole output, its processor time, or its tables that
//! no other test fills.

use std::process::{Command, Output};

/// Names the test that a process was started for.
const TEST: &str = "PASSTEAM_TEST_APART";

/// The path of a test of this module inside its binary, for [`rerun`].
#[macro_export]
macro_rules! test_path {
    ($test:ident) => {
        concat!(module_path!(), "::", stringify!($test))
    };
}

/// Runs the test at `path` once more in a process of its own, prepared by `prepare`, and returns that process's output. In that
/// process it returns `None`, and the test does its work.
///
/// # Panics
/// If the test fails there, or does not run.
pub fn rerun(path: &str, prepare: impl FnOnce(&mut Command)) -> Option<Output> {
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    if std::env::var_os(TEST).is_some_and(|test| test == name) {
        return None;
    }
    let mut command = Command::new(std::env::current_exe().expect("the test's own program"));
    command.args([name, "--exact", "--nocapture", "--include-ignored"]);
    command.env(TEST, name);
    prepare(&mut command);
    let output = command.output().expect("the test's own program starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{name}, {}:\n{out}\n{err}", output.status);
    Some(output)
}

/// Makes a process that is about to start unable to have more than `most` files and connections open. Works on Unix, by `sh`.
pub fn limit_open_files(command: &mut Command, most: usize) {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")]);
    limited.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    *command = limited;
}
