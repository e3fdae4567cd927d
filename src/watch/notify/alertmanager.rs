//! Alertmanager (API v2): an alert for each broken pair, which is sent again while it is broken, and resolved.
//!
//! Alertmanager knows an alert by its labels, so that nothing stands there that may change while a pair is
//! broken, such as the code. An alert that is not sent again ends by itself.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::http::JsonPost;
use super::{DeliveryFault, Means, NoticeMessage, NoticePair};
use crate::store::{StoreFault, notice};
use crate::topology::Notification;
use crate::watch::Shared;

pub(super) async fn send(
    means: &Means,
    notification: &Notification,
    message: &NoticeMessage,
) -> Result<(), DeliveryFault> {
    let is_firing = message.kind != "clear";
    let alerts = message.pairs.iter().map(|pair| alert(pair, message, is_firing)).collect();
    post(means, notification, alerts, &message.key).await
}

/// Sends the alerts of everything that is broken again.
///
/// # Errors
/// The store cannot be read. An Alertmanager that cannot be reached is told of and tried again.
pub(super) async fn send_again(
    shared: &Shared,
    means: &Means,
    notification: &Notification,
) -> Result<(), StoreFault> {
    let channel = notification.identity.clone();
    let raised = shared.store.read(move |sql| notice::raised(sql, &channel)).await?;
    if raised.is_empty() {
        return Ok(());
    }
    let site = shared.site();
    let alerts = raised.iter().flat_map(|notice| {
        let message = NoticeMessage::of(std::slice::from_ref(notice), &notification.identity, &site);
        message.pairs.iter().map(|pair| alert(pair, &message, true)).collect::<Vec<_>>()
    });
    let sent = post(means, notification, alerts.collect(), "");
    let sent = tokio::time::timeout(notification.timeout, sent).await;
    if let Ok(Err(fault)) = sent {
        tracing::error!(notification = notification.identity, %fault, "alerts could not be sent again");
    }
    Ok(())
}

fn alert(pair: &NoticePair, message: &NoticeMessage, is_firing: bool) -> Value {
    let ends_at = match is_firing {
        true => Timestamp::now() + LASTS,
        false => Timestamp::now(),
    };
    let mut alert = json!({
        "labels": {
            "alertname": "ImshTestFailed",
            "test": pair.test,
            "pool": pair.pool,
            "receiver": pair.receiver,
            "owner": message.owner,
        },
        "annotations": {
            "summary": message.summary,
            "description": message.text,
            "code": message.code,
            "remedy": message.remedy,
            "seen_from": pair.seen_from,
            "state": pair.to,
        },
        "endsAt": ends_at,
    });
    if is_firing {
        alert["startsAt"] = json!(pair.since);
    }
    // A label without a value is no label, and null is no text.
    for part in ["labels", "annotations"] {
        if let Some(entries) = alert[part].as_object_mut() {
            entries.retain(|_, value| value.as_str().is_some_and(|text| !text.is_empty()));
        }
    }
    alert
}

async fn post(
    means: &Means,
    notification: &Notification,
    alerts: Vec<Value>,
    key: &str,
) -> Result<(), DeliveryFault> {
    let secret = means.secret(notification)?;
    let url = notification.url.as_deref().unwrap_or_default().trim_end_matches('/');
    let url = if url.ends_with(PATH) { url.to_owned() } else { format!("{url}{PATH}") };
    let post = JsonPost {
        url: &url,
        body: Value::Array(alerts).to_string(),
        token: secret.as_ref(),
        ca_file: notification.ca_file.as_deref(),
        key,
    };
    post.send().await
}

/// The path to which alerts are posted.
const PATH: &str = "/api/v2/alerts";
/// The time for which an alert lasts that is not sent again.
const LASTS: SignedDuration = SignedDuration::from_secs(300);
