//! What the fuzz targets need of the crate's inside; only in a build for them.

use std::time::Duration;

use crate::form::Request;
use crate::reply::{self, Answer, Failure, Success};

/// The outcome and the code of a whole HTTP answer to `request`: its status, its body, the pause that its headers ask for,
/// and whether a proxy may have given it in the service's stead.
pub fn judge(
    request: &Request,
    status: u16,
    body: &str,
    retry_after: Option<Duration>,
    through_proxy: bool,
) -> (Result<Success, Failure>, i64) {
    reply::judge(request.expectation(), &Answer { status, body, retry_after, through_proxy })
}

/// The form that goes out.
pub fn form(request: &Request) -> Vec<u8> {
    request.body().to_vec()
}
