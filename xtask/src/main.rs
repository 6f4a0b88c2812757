//! The project's commands: `cargo xtask demo`, `cargo xtask dist`.

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
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Dist(options) => dist::run(&options).map(|zip| println!("{}", zip.display())),
    }
}
