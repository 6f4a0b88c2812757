//! Plays `1cv8 DESIGNER`, its agent, OpenSSH and `ibcmd` for the tests of `passteam-setup`; which of them follows from the program's name and arguments.
//!
//! It checks its arguments as the platform does, keeps the extension's loaded and applied files apart, and writes logs in the
//! platform's encodings. A base is a folder: a file base itself, or `clusters/SERVER/NAME` beside the program. In it,
//! `stand-in/` holds what the test lays there:
//!
//! | file | meaning |
//! |---|---|
//! | `main/` | the main configuration as the Designer dumps it |
//! | `users` | a user a line, name and password with a tab between; no file: a base without users |
//! | `sessions` | users are at work |
//! | `locked` | a Designer is open |
//! | `forbidden` | sessions may not begin, but with the permission code that stands in it |
//! | `encoding` | the log's: `utf-8` (with a mark), `windows-1251` |
//! | `fail` | lines `COMMAND what`: `hang`, `crash`, `silent` (success without a log), or an exit code and a text; `agent` stands for a command given to the agent, `/DumpDBCfgList-Extension` for the question about one extension; `once ` before a line: it holds for one command |
//! | `hanging` | written here when an order to hang is carried out, which goes on until the order is taken away |
//! | `lock` | locked by the process that has the base open |
//! | `calls` | written here: one command line a line |

mod agent;
mod designer;
mod ibcmd;
mod stage;

use std::env;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let (program, arguments) = arguments.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    match Path::new(program).file_stem().and_then(|stem| stem.to_str()) {
        Some("ibcmd") => ibcmd::run(arguments),
        Some("ssh") => agent::ssh(arguments),
        Some("ssh-keygen") => agent::keygen(arguments),
        _ => designer::run(arguments),
    }
}
