//! A server on loopback that gives the answer it is told to give.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The server. Its connections stay open from one request to the next, or a fuzzer would use up the system's ports.
pub struct Server {
    address: SocketAddr,
    answer: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    /// Starts one that lives as long as the process.
    pub fn start() -> io::Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let server = Server { address: listener.local_addr()?, answer: Arc::default() };
        let answer = Arc::clone(&server.answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                // A client that goes away ends its thread.
                thread::spawn(move || serve(&stream, &answer));
            }
        });
        Ok(server)
    }

    /// Its `ServerUrl`.
    pub fn url(&self) -> String {
        format!("http://{}/oapi/v1", self.address)
    }

    /// What every request is answered with from now on.
    pub fn answer_with(&self, status: u16, body: &str) {
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = [head.as_bytes(), body.as_bytes()].concat();
    }
}

fn serve(mut stream: &TcpStream, answer: &Mutex<Vec<u8>>) -> io::Result<()> {
    let mut requests = BufReader::new(stream);
    while read_request(&mut requests)? {
        let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        stream.write_all(&answer)?;
    }
    Ok(())
}

/// Reads one request; false at the end of the connection.
fn read_request(from: &mut impl BufRead) -> io::Result<bool> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        let Some((name, value)) = line.split_once(':') else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    io::copy(&mut from.take(length), &mut io::sink())?;
    Ok(true)
}
