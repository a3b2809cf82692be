//! One request over the network, and where redirects lead it.

use super::address::{public, Address};
use super::context::{Context, Counters};
use super::error::{Failure, Reason};
use super::hosts::Permit;
use super::receive;
use reqwest::header::{HeaderMap, HeaderValue, ACCEPT_ENCODING, LOCATION};
use reqwest::Response;
use std::collections::HashSet;
use url::Url;

/// An answer, where it came from after redirects, and the right to go on reading it.
pub struct Answered {
    pub response: Response,
    pub url: Url,
    pub permit: Permit,
}

/// Where a request has been led so far.
pub struct Route {
    pub url: Url,
    /// Whether this is still the origin that credentials are for.
    at_home: bool,
    visited: HashSet<Url>,
}

impl Route {
    pub fn of(address: &Address) -> Self {
        Route {
            url: address.url.clone(),
            at_home: true,
            visited: HashSet::from([address.url.clone()]),
        }
    }

    /// Go where a redirect leads: within the scheme, not in circles, and not without end.
    fn follow(&mut self, response: &Response, most: usize) -> Result<(), Failure> {
        let next = redirect_target(&self.url, response)?;
        if self.visited.len() > most {
            let message = format!("{} redirects one after another", self.visited.len());
            return Err(Failure::never(Reason::Redirect, message));
        }
        if !self.visited.insert(next.clone()) {
            let message = format!("the redirects lead in a circle, back to {}", public(&next));
            return Err(Failure::never(Reason::Redirect, message));
        }
        self.at_home = self.at_home && next.origin() == self.url.origin();
        self.url = next;
        Ok(())
    }
}

/// Send a request with `extra` headers to where the route has come, under the permit of that host. None if it is
/// to go on elsewhere.
pub async fn ask_once(
    context: &Context,
    address: &Address,
    route: &mut Route,
    permit: Permit,
    compressed: bool,
    extra: &HeaderMap,
) -> Result<Option<Answered>, Failure> {
    let response = send(context, address, route, compressed, extra).await?;
    let status = response.status().as_u16();
    if matches!(status, 301 | 302 | 303 | 307 | 308) {
        let followed = route.follow(&response, context.settings.redirects);
        return followed
            .map(|()| None)
            .map_err(|failure| failure.with_status(status));
    }
    Ok(Some(Answered {
        response,
        url: route.url.clone(),
        permit,
    }))
}

/// Send a request and follow its redirects, under the limits of each host, of which `permit` is that of the first.
pub async fn ask(
    context: &Context,
    address: &Address,
    permit: Permit,
    extra: &HeaderMap,
) -> Result<Answered, Failure> {
    let (mut route, mut permit) = (Route::of(address), permit);
    loop {
        if let Some(answered) = ask_once(context, address, &mut route, permit, false, extra).await? {
            return Ok(answered);
        }
        permit = context.hosts.acquire(&context.hosts.of(&route.url)).await;
    }
}

async fn send(
    context: &Context,
    address: &Address,
    route: &Route,
    compressed: bool,
    extra: &HeaderMap,
) -> Result<Response, Failure> {
    let coding = HeaderValue::from_static(if compressed { "gzip" } else { "identity" });
    let mut headers = address.headers.clone();
    headers.insert(ACCEPT_ENCODING, coding);
    headers.extend(extra.clone());
    if route.at_home {
        headers.extend(address.credentials.clone());
    } else {
        for secret in ["authorization", "cookie", "proxy-authorization"] {
            headers.remove(secret);
        }
    }
    Counters::add(&context.counters.requests, 1);
    let limit = context.settings.connect_timeout + context.settings.stall_timeout;
    let sent = tokio::time::timeout(
        limit,
        context.client.get(route.url.clone()).headers(headers).send(),
    );
    match sent.await {
        Ok(answer) => answer.map_err(|error| Failure::network(&error.without_url())),
        Err(_) => Err(receive::stalled("no answer came", limit)),
    }
}

fn redirect_target(url: &Url, response: &Response) -> Result<Url, Failure> {
    let refuse = |message: String| Failure::never(Reason::Redirect, message);
    let place = response
        .headers()
        .get(LOCATION)
        .ok_or_else(|| refuse("a redirect without the address to go to".to_string()))?;
    let mut next = place
        .to_str()
        .ok()
        .and_then(|text| url.join(text).ok())
        .ok_or_else(|| refuse("a redirect to what is no address".to_string()))?;
    if next.scheme() != url.scheme() {
        return Err(refuse(format!(
            "a redirect from {} to another scheme is not followed: {}",
            url.scheme(),
            public(&next)
        )));
    }
    // What a host writes there as user and password is not ours to send.
    let cleared = next.set_username("").and_then(|()| next.set_password(None));
    cleared.map_err(|()| refuse("a redirect to an address without a host".to_string()))?;
    next.set_fragment(None);
    Ok(next)
}
