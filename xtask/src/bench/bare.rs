//! What an update costs at the least: its bytes, written and read by rustls over one blocking socket, and nothing else.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use passteam_sandbox::DEFAULT_TOKEN;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::service::Service;
use crate::project::VERSION;

/// Updates over a connection that it makes at once; each call sends `body` to `updatecard`.
pub fn update(service: &Service, body: &str) -> Result<impl FnMut() -> Result<()> + use<>> {
    let (authority, path) =
        service.url().strip_prefix("https://").and_then(|rest| rest.split_once('/')).context("https")?;
    let (host, _) = authority.rsplit_once(':').context("a port")?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(service.ca_file())? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configuration = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let configuration = configuration.with_root_certificates(roots).with_no_client_auth();
    let tls = ClientConnection::new(Arc::new(configuration), host.to_owned().try_into()?)?;
    let socket = TcpStream::connect(authority)?;
    socket.set_nodelay(true)?;
    let mut stream = StreamOwned::new(tls, socket);
    // As the component writes it.
    let request = format!(
        "POST /{path}/updatecard HTTP/1.1\r\nhost: {authority}\r\nuser-agent: passteam/{VERSION}\r\n\
         authorization: {DEFAULT_TOKEN}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut answer = vec![0; 64 * 1024];
    Ok(move || {
        stream.write_all(request.as_bytes())?;
        let mut length = 0;
        while !is_whole(&answer[..length]) {
            let count = stream.read(&mut answer[length..])?;
            ensure!(count > 0, "the service has closed the connection");
            length += count;
        }
        let is_success = answer[..length].windows(10).any(|part| part == b"\"code\":200");
        ensure!(is_success, "a measured call failed");
        Ok(())
    })
}

/// Whether the answer has the body that its header announces.
fn is_whole(answer: &[u8]) -> bool {
    const LENGTH: &[u8] = b"content-length: ";
    let Some(head) = answer.windows(4).position(|part| part == b"\r\n\r\n") else { return false };
    let Some(start) = answer[..head].windows(LENGTH.len()).position(|part| part.eq_ignore_ascii_case(LENGTH)) else {
        return false;
    };
    let digits = answer[start + LENGTH.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    answer.len() >= head + 4 + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_the_last_byte_of_its_body() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert!(is_whole(answer));
        assert!((0..answer.len()).all(|length| !is_whole(&answer[..length])));
    }
}
