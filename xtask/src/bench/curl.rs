//! libcurl as a contender: a C program that times its own requests.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use passteam_sandbox::DEFAULT_TOKEN;

use super::rounds::{Contender, Sample};
use super::service::Service;

/// How a request comes by its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handle {
    /// One easy handle for all requests keeps it open.
    Kept,
    /// A new handle makes a new one for each request.
    Fresh,
    /// Eight handles, driven by curl_multi in one thread, send so many requests as one call.
    Many { requests: usize },
}

/// A running program of `bench-native/updatecard.c`; dropping it ends it.
pub struct Curl {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    handle: Handle,
}

impl Curl {
    /// Starts one that posts `body` to `updatecard`.
    pub fn start(program: &Path, service: &Service, body: &str, handle: Handle) -> Result<Curl> {
        let mut child =
            command(program, service, service.ca_file(), body).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().context("the program has no output")?);
        let input = child.stdin.take();
        Ok(Curl { child, input, output, handle })
    }
}

/// The command of the program, which reads from its standard input how many requests to send.
pub fn command(program: &Path, service: &Service, ca_file: &Path, body: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(format!("{}/updatecard", service.url())).arg(ca_file).args([DEFAULT_TOKEN, body]);
    command
}

impl Contender for Curl {
    fn run(&mut self, calls: usize) -> Result<Sample> {
        match self.handle {
            Handle::Kept => self.order("kept", calls),
            Handle::Fresh => self.order("fresh", calls),
            Handle::Many { requests } => {
                let mut sample = Sample { calls: Vec::with_capacity(calls), cpu: 0.0 };
                for _ in 0..calls {
                    let Sample { calls: times, cpu } = self.order("many", requests)?;
                    sample.calls.extend(times);
                    sample.cpu += cpu / calls as f64;
                }
                Ok(sample)
            }
        }
    }
}

impl Curl {
    /// Has requests sent. The program tells the time of each, or of many one request's share.
    fn order(&mut self, kind: &str, requests: usize) -> Result<Sample> {
        let input = self.input.as_mut().context("the program has no input")?;
        writeln!(input, "{kind} {requests}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let seconds = line.split_whitespace().map(|nanoseconds| Ok(nanoseconds.parse::<f64>()? * 1e-9));
        let seconds = seconds.collect::<Result<Vec<f64>>>()?;
        let times = if matches!(self.handle, Handle::Many { .. }) { 1 } else { requests };
        ensure!(seconds.len() == times + 1, "libcurl's request failed");
        Ok(Sample { cpu: seconds[0] / requests as f64, calls: seconds[1..].to_vec() })
    }
}

impl Drop for Curl {
    fn drop(&mut self) {
        drop(self.input.take());
        // What the program ended with does not matter any more.
        let _ = self.child.wait();
    }
}
