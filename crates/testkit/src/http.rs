//! HTTP/1.1 as bytes: what a script reads and writes.

use std::io::Read;

/// An answer after which the connection stays open: status, further header lines, body.
pub fn http(status: u16, headers: &[&str], body: &str) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        answer.push_str(header);
        answer.push_str("\r\n");
    }
    format!("{answer}\r\n{body}").into_bytes()
}

/// The same with the announcement that the connection closes after it.
pub fn http_closing(status: u16, headers: &[&str], body: &str) -> Vec<u8> {
    http(status, &[&["Connection: close"], headers].concat(), body)
}

/// Reads one whole request with a `Content-Length`; `None` if the client closes before its end.
pub(crate) fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut request = Vec::new();
    let mut chunk = [0; 16 * 1024];
    while !is_whole(&request) {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => request.extend_from_slice(&chunk[..count]),
        }
    }
    Some(String::from_utf8_lossy(&request).into_owned())
}

/// Reads request line and headers, byte by byte so that nothing behind them is taken; `None` if the client closes before their
/// end.
pub(crate) fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let length: usize = String::from_utf8_lossy(&request[..head])
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    request.len() >= head + 4 + length
}
