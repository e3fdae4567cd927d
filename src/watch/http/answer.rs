//! From a request to its answer.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use jiff::tz::TimeZone;

use super::Service;
use super::access::AccessRefusal;
use super::facts::OverviewRequest;
use super::{metrics, probe};
use crate::render::policy::{PageKind, policy};
use crate::report::page::{self, LivePage, PageFrame};
use crate::store::StoreFault;
use crate::vault::RefusedLogon;

/// An answer, before it becomes a response.
struct Answer {
    status: StatusCode,
    kind: &'static str,
    text: String,
}

impl Answer {
    fn new(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Self {
        Self { status, kind, text: text.into() }
    }

    fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Self::new(status, TEXT, text)
    }
}

impl Service {
    /// Answers a request; its body, if it has one, is not read.
    pub(super) async fn answer<B: Body>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let answer = match self.door.admits(request.uri(), request.headers()) {
            // Load balancers and service managers know no token; they learn one word.
            Ok(()) | Err(AccessRefusal::NoToken) if path.starts_with("/-/") => self.health(path),
            Err(refusal) if path == "/probe" => probe_refused(refusal),
            Err(refusal) => refused(refusal),
            Ok(()) if *request.method() != Method::GET && *request.method() != Method::HEAD => {
                Answer::text(StatusCode::METHOD_NOT_ALLOWED, "This service is asked by GET.\n")
            }
            Ok(()) => self.route(path, request).await,
        };
        let is_challenge = answer.status == StatusCode::UNAUTHORIZED;
        let is_wrong_method = answer.status == StatusCode::METHOD_NOT_ALLOWED;
        let body = if *request.method() == Method::HEAD { Bytes::new() } else { Bytes::from(answer.text) };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = answer.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.kind));
        for (name, value) in SECURITY_HEADERS {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if let Ok(value) =
            HeaderValue::from_str(&format!("{}; frame-ancestors 'none'", policy(PageKind::Live)))
        {
            headers.insert(header::CONTENT_SECURITY_POLICY, value);
        }
        if is_challenge {
            let challenge = HeaderValue::from_static("Basic realm=\"imsh watch\", charset=\"UTF-8\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if is_wrong_method {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }

    fn health(&self, path: &str) -> Answer {
        let (word, trouble) = match path {
            "/-/healthy" => ("healthy", self.facts.not_well()),
            "/-/ready" => ("ready", self.facts.not_ready()),
            _ => return not_found(),
        };
        match trouble {
            None => Answer::text(StatusCode::OK, format!("{word}\n")),
            Some(_) => Answer::text(StatusCode::SERVICE_UNAVAILABLE, format!("not {word}\n")),
        }
    }

    async fn route<B: Body>(&self, path: &str, request: &Request<B>) -> Answer {
        let query = RequestQuery::of(request.uri().query().unwrap_or(""));
        let days = query.get("days").parse().unwrap_or(0);
        match path {
            "/" => self.overview(&query, days).await,
            "/metrics" => {
                let samples = self.facts.samples().await;
                Answer::new(
                    StatusCode::OK,
                    METRICS,
                    metrics::text(&self.facts.figures(), &self.facts.refused(), &samples),
                )
            }
            "/probe" => {
                let asked = probe::Asked {
                    module: query.get("module").to_owned(),
                    target: query.get("target").to_owned(),
                    pool: query.get("pool").to_owned(),
                };
                let limit = request.headers().get("x-prometheus-scrape-timeout-seconds");
                let limit = limit.and_then(|limit| limit.to_str().ok()?.parse::<f64>().ok());
                let limit = limit.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                Answer::new(StatusCode::OK, METRICS, self.prober.probe(&asked, limit).await)
            }
            "/api" | "/api/" => Answer::new(StatusCode::OK, JSON, INDEX),
            "/api/report" => match self.facts.overview(&asked(&query, days.clamp_to(1))).await {
                Ok(report) => json(&*report),
                Err(fault) => store_away(&fault),
            },
            "/api/watcher" => self.watcher(),
            _ => match (path.strip_prefix("/pair/"), path.strip_prefix("/api/pair/")) {
                (Some(id), _) => self.pair(id, days).await,
                (None, Some(id)) => match self.facts.pair(number(id), days.clamp_to(3)).await {
                    Ok(Some(report)) => json(&report),
                    Ok(None) => not_found(),
                    Err(fault) => store_away(&fault),
                },
                (None, None) => not_found(),
            },
        }
    }

    async fn overview(&self, query: &RequestQuery, days: u32) -> Answer {
        let asked = asked(query, days.clamp_to(1));
        match self.facts.overview(&asked).await {
            Ok(report) => {
                let words = [asked.pool, asked.receiver, asked.state];
                let site = self.facts.figures().site;
                let frame = self.frame(format!("imsh watch, {site}"), words);
                Answer::new(StatusCode::OK, HTML, page::report(&report, &frame))
            }
            Err(fault) => store_away(&fault),
        }
    }

    async fn pair(&self, id: &str, days: u32) -> Answer {
        match self.facts.pair(number(id), days.clamp_to(3)).await {
            Ok(Some(report)) => {
                let name =
                    report.pairs.first().map(crate::report::model::PairStatus::title).unwrap_or_default();
                let frame = self.frame(name, Default::default());
                Answer::new(StatusCode::OK, HTML, page::pair(&report, &frame))
            }
            Ok(None) => not_found(),
            Err(fault) => store_away(&fault),
        }
    }

    fn frame(&self, title: String, asked: [String; 3]) -> PageFrame {
        let figures = self.facts.figures();
        let troubles = match (&figures.blind, &figures.topology_mistakes) {
            (Some(blind), _) => vec![format!(
                "This watcher sees nothing since {}: {}. Nothing is known of the pairs meanwhile, and nobody is blamed.",
                blind.since.strftime("%Y-%m-%d %H:%M UTC"),
                blind.reason
            )],
            (None, Some(mistakes)) => {
                vec![format!("The topology cannot be taken over, and the one before is in force: {mistakes}")]
            }
            (None, None) if let Some(mistake) = &figures.http_mistake => {
                vec![format!("[http] cannot be served, and what was served before is in force: {mistake}")]
            }
            (None, None) => {
                let refused = self.facts.refused().into_iter().map(|RefusedLogon { account, pool, at }| {
                    format!(
                        "{pool} refused the stored credential of {account} at {}, and it is not tried again until another \
                         one is stored.",
                        at.strftime("%Y-%m-%d %H:%M UTC")
                    )
                });
                refused.collect()
            }
        };
        let last = figures
            .last_round_at
            .map_or_else(|| "none yet".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
        let watcher = vec![
            ("Site", figures.site.clone()),
            ("Pairs", figures.n_pairs.to_string()),
            ("Last round", last),
            ("Late by", format!("{:.0} s", figures.lag.as_secs_f64())),
            ("Tests since its start", figures.n_tests.to_string()),
        ];
        let live = LivePage { refresh: REFRESH, watcher, troubles, asked };
        PageFrame { title, zone: TimeZone::UTC, live: Some(live) }
    }

    fn watcher(&self) -> Answer {
        let figures = self.facts.figures();
        let told = serde_json::json!({
            "site": figures.site,
            "version": env!("CARGO_PKG_VERSION"),
            "started_at": figures.started_at.to_string(),
            "last_round_at": figures.last_round_at.map(|at| at.to_string()),
            "lag_seconds": figures.lag.as_secs_f64(),
            "blind": figures.blind.map(|blind| serde_json::json!({
                "since": blind.since.to_string(), "reason": blind.reason,
            })),
            "topology_mistakes": figures.topology_mistakes,
            "http_mistake": figures.http_mistake,
            "refused_credentials": self.facts.refused().into_iter().map(|RefusedLogon { account, pool, at }| {
                serde_json::json!({ "account": account, "pool": pool, "at": at.to_string() })
            }).collect::<Vec<_>>(),
            "pairs": figures.n_pairs,
            "tests_under_way": figures.n_under_way,
            "tests": figures.n_tests,
            "failures": figures.n_failures,
            "not_run": figures.n_not_run,
            "results_waiting": figures.n_unstored,
            "state_changes": figures.n_changes,
            "notices_delivered": figures.n_notices,
            "notices_failed": figures.n_failed_deliveries,
        });
        json(&told)
    }
}

trait CountDays {
    /// The days that were asked for, within what the store keeps; `usual` where nobody asked.
    fn clamp_to(self, usual: u32) -> u32;
}

impl CountDays for u32 {
    fn clamp_to(self, usual: u32) -> u32 {
        if self == 0 { usual } else { self.min(400) }
    }
}

fn asked(query: &RequestQuery, days: u32) -> OverviewRequest {
    let word = |name| query.get(name).chars().take(256).collect();
    OverviewRequest { pool: word("pool"), receiver: word("receiver"), state: word("state"), days }
}

/// The number of a pair; 0, which no pair has, where it is none.
fn number(id: &str) -> i64 {
    id.parse().unwrap_or(0)
}

fn json<T: serde::Serialize>(facts: &T) -> Answer {
    // Facts are trees of texts and numbers: they can always be written.
    Answer::new(StatusCode::OK, JSON, serde_json::to_string(facts).unwrap_or_default())
}

fn not_found() -> Answer {
    Answer::text(StatusCode::NOT_FOUND, "There is nothing here.\n")
}

fn store_away(fault: &StoreFault) -> Answer {
    tracing::warn!(%fault, "a request could not be answered");
    Answer::text(StatusCode::SERVICE_UNAVAILABLE, "The store does not answer; the watcher's log says why.\n")
}

fn refused(refusal: AccessRefusal) -> Answer {
    match refusal {
        AccessRefusal::NoToken => Answer::text(
            StatusCode::UNAUTHORIZED,
            "Give the token: as bearer, or as the password of any user.\n",
        ),
        AccessRefusal::OtherName => Answer::text(
            StatusCode::MISDIRECTED_REQUEST,
            "This service is asked by the name localhost, or by the loopback address. A proxy before it sets Host to that.\n",
        ),
        AccessRefusal::OtherSite => {
            Answer::text(StatusCode::FORBIDDEN, "A page from elsewhere may not ask this.\n")
        }
    }
}

/// Whoever asks for a probe reads every status but 200 as a pass.
fn probe_refused(refusal: AccessRefusal) -> Answer {
    let why = match refusal {
        AccessRefusal::NoToken => "the request has no token, or another one",
        AccessRefusal::OtherName => "the request does not name this machine as localhost",
        AccessRefusal::OtherSite => "a page from elsewhere asks",
    };
    Answer::new(StatusCode::OK, METRICS, probe::refusal(why, "Caller"))
}

/// The parameters of a request.
struct RequestQuery(Vec<(String, String)>);

impl RequestQuery {
    fn of(written: &str) -> Self {
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        };
        Self(written.split('&').filter(|part| !part.is_empty()).map(pair).collect())
    }

    /// The first value of a parameter; empty where it is not there.
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }
}

/// Takes the percent signs and plus signs out of a form's value; bytes that are no text become U+FFFD.
fn decoded(written: &str) -> String {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes();
    while let [first, behind @ ..] = rest {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        match (first, behind) {
            (b'%', [high, low, further @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                let value = hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0);
                bytes.push(u8::try_from(value).unwrap_or(b'?'));
                rest = further;
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = behind;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The index of the paths under `/api/`.
const INDEX: &str = r#"{"report":"/api/report?pool=&receiver=&state=&days=","pair":"/api/pair/NUMBER?days=","watcher":"/api/watcher"}"#;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// After how many seconds a page asks for what is new.
const REFRESH: u32 = 30;

const SECURITY_HEADERS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forms_value_is_decoded_whatever_it_holds() {
        for (written, value) in [
            ("xmpp%3alocalhost", "xmpp:localhost"),
            ("a+b%20c", "a b c"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%ff", "\u{fffd}"),
            ("", ""),
        ] {
            assert_eq!(decoded(written), value, "{written}");
        }
        let query = RequestQuery::of("module=im&target=kim%40contoso.com&&target=other&flag");
        assert_eq!((query.get("target"), query.get("flag"), query.get("none")), ("kim@contoso.com", "", ""));
    }
}
