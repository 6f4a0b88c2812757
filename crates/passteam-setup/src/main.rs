//! The program `passteam-setup`; everything it does stands in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    passteam_setup::run(std::env::args_os())
}
