//! The project's commands: `cargo xtask demo`, `dist`, `bench`, `check`, `toolchain`, `cross`.

#[cfg(target_os = "linux")]
mod bench;
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
    #[cfg(target_os = "linux")]
    Bench(bench::Options),
    /// What the benchmark runs in processes of its own.
    #[cfg(target_os = "linux")]
    #[command(hide = true, subcommand)]
    BenchPart(bench::Part),
    Check(check::Options),
    Toolchain(cross::ToolchainOptions),
    Cross(cross::CrossOptions),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Dist(options) => dist::run(&options).map(|zip| println!("{}", zip.display())),
        #[cfg(target_os = "linux")]
        Command::Bench(options) => bench::run(&options),
        #[cfg(target_os = "linux")]
        Command::BenchPart(part) => part.run(),
        Command::Check(options) => check::run(&options),
        Command::Toolchain(options) => cross::install(&options),
        Command::Cross(options) => cross::run_cargo(&options),
    }
}
