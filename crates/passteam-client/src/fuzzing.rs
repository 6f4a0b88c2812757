//! What the fuzz targets need from inside the crate; exists only in a build for them.

use std::time::Duration;

use crate::outcome::{Failure, Success};
use crate::reply::{self, CompleteResponse};
use crate::request::Request;

/// The outcome and the code of a complete HTTP answer to `request`: its status, its body, the pause that its headers ask for,
/// and whether a proxy may have given it instead of the service.
pub fn judge(
    request: &Request,
    status: u16,
    body: &str,
    retry_after: Option<Duration>,
    through_proxy: bool,
) -> (Result<Success, Failure>, i64) {
    let response = CompleteResponse {
        status,
        body: body.to_owned(),
        retry_after,
        through_proxy,
        proxy_takes_password: true,
        server_ahead: None,
    };
    let reply::Judgement { outcome, code, .. } = reply::judge(request.expectation(), &response);
    (outcome, code)
}

/// The form that goes out.
pub fn form(request: &Request) -> Vec<u8> {
    request.body().to_vec()
}
