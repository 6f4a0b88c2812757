//! The project's commands: `cargo xtask demo`, `dist`, `check`, `toolchain`, `cross`.

mod check;
mod cross;
mod demo;
mod dist;
mod platform;

use clap::{Parser, Subcommand};

/// Команды проекта passteam.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Options),
    Dist(dist::Options),
    Check(check::Options),
    Toolchain(cross::ToolchainOptions),
    Cross(cross::CrossOptions),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Dist(options) => dist::run(&options).map(|zip| println!("{}", zip.display())),
        Command::Check(options) => check::run(&options),
        Command::Toolchain(options) => cross::install(&options),
        Command::Cross(options) => cross::run_cargo(&options),
    }
}
