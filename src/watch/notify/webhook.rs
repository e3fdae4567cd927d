//! Webhook: the notice is posted as JSON.

use super::http::JsonPost;
use super::{DeliveryFault, Means, NoticeMessage};
use crate::topology::Notification;

pub(super) async fn send(
    means: &Means,
    notification: &Notification,
    message: &NoticeMessage,
) -> Result<(), DeliveryFault> {
    let secret = means.secret(notification)?;
    let body = serde_json::to_string(message).map_err(|error| DeliveryFault::Refused(error.to_string()))?;
    let post = JsonPost {
        url: notification.url.as_deref().unwrap_or_default(),
        body,
        token: secret.as_ref(),
        ca_file: notification.ca_file.as_deref(),
        key: &message.key,
    };
    post.send().await
}
