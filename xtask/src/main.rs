//! The project's commands: `cargo xtask demo`, `dist`, `check`, `bsl`, `toolchain`, `cross` and `bench`.
//!
//! This file only chooses the command; each has a file of its own. `demo` is for 1C developers and speaks Russian unless it
//! is told `--lang en`, so it reads its arguments itself. All other commands are for those who build, and speak English.

#[cfg(target_os = "linux")]
mod bench;
mod bsl;
mod bundle;
mod check;
mod cross;
mod demo;
mod dist;
mod extension;
mod files;
mod library;
mod platform;
mod project;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The commands of the project passteam.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the add-in and show a day of a shop; the texts are Russian, or English with `--lang en`.
    #[command(disable_help_flag = true)]
    Demo {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    Dist(dist::Options),
    #[cfg(target_os = "linux")]
    Bench(bench::Options),
    /// Runs in a process of its own for the benchmark.
    #[cfg(target_os = "linux")]
    #[command(hide = true, subcommand)]
    BenchPart(bench::Part),
    Check(check::Options),
    Bsl(bsl::Options),
    Toolchain(cross::ToolchainOptions),
    Cross(cross::CrossOptions),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo { arguments } => return demo::run(arguments),
        Command::Dist(options) => dist::run(&options).map(|zip| println!("{}", zip.display())),
        #[cfg(target_os = "linux")]
        Command::Bench(options) => bench::run(&options),
        #[cfg(target_os = "linux")]
        Command::BenchPart(part) => part.run(),
        Command::Check(options) => check::run(&options),
        Command::Bsl(options) => bsl::run(&options),
        Command::Toolchain(options) => cross::install(&options),
        Command::Cross(options) => cross::run_cargo(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
