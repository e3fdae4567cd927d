//! Checks of `[http]`: a service that is reached from elsewhere shows a certificate, and authenticates its clients.

use super::{Spans, TopologyReading};
use crate::topology::HttpTable;

impl TopologyReading<'_> {
    pub(super) fn check_http(&mut self, http: &mut HttpTable, at: &Spans) {
        let needed = [
            ("tls_certificate", http.tls_certificate.is_some()),
            ("tls_key", http.tls_key.is_some()),
            ("token_file", http.token_file.is_some()),
        ];
        let missing: Vec<&str> =
            needed.iter().filter(|(_, is_there)| !is_there).map(|(key, _)| *key).collect();
        if !http.listen.is_loopback() && !missing.is_empty() {
            let message =
                format!("is reached from other machines, so the service needs {}", missing.join(", "));
            self.mistakes.add(at.span("listen"), at.key("listen"), message, || {
                Some(
                    "add what is missing, or listen = \"localhost:9604\" behind a proxy of your own"
                        .to_owned(),
                )
            });
            return;
        }
        for (key, other) in [("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")] {
            if at.has(key) && !at.has(other) {
                let message = format!("is there without {other}");
                self.mistakes.add(at.span(key), at.key(key), message, || Some(format!("add {other}")));
            }
        }
    }
}
