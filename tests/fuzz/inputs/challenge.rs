//! SCRAM from a server that does not know the password: it cannot make us believe that it does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// The challenge and, behind a line end, what comes with the success. `NONCE` stands for the client's.
pub fn try_one(data: &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let challenge = lines.next().unwrap_or_default();
    let success = lines.next().unwrap_or_default();
    super::block_on(async {
        let (near, far) = duplex(1 << 20);
        let (result, ()) = tokio::join!(super::log_on(near), serve(far, challenge, success));
        if let Err(fault) = result {
            super::assert_harmless(&fault.to_string());
        } else {
            panic!("logged on without a proof");
        }
    });
}

async fn serve(mut io: DuplexStream, challenge: &[u8], success: &[u8]) {
    let offer = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
        <mechanism>SCRAM-SHA-1</mechanism></mechanisms></stream:features>";
    let heard = say(&mut io, &format!("{}{offer}", super::HEADER)).await;
    let Some(nonce) = nonce(&heard) else { return };
    let challenge = fill(challenge, &nonce);
    let text = BASE64.encode(challenge);
    say(&mut io, &format!("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{text}</challenge>")).await;
    let text = BASE64.encode(fill(success, &nonce));
    say(&mut io, &format!("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{text}</success>")).await;
}

/// Says something and takes what comes next, up to the end of an element.
async fn say(io: &mut DuplexStream, text: &str) -> String {
    let _ = io.write_all(text.as_bytes()).await;
    let mut heard = Vec::new();
    while !heard.ends_with(b"</auth>") && !heard.ends_with(b"</response>") {
        match io.read_u8().await {
            Ok(byte) => heard.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}

fn nonce(heard: &str) -> Option<String> {
    let (_, rest) = heard.split_once("<auth")?;
    let (_, rest) = rest.split_once('>')?;
    let first = BASE64.decode(rest.split('<').next()?).ok()?;
    let first = String::from_utf8(first).ok()?;
    Some(first.split(',').find_map(|part| part.strip_prefix("r="))?.to_owned())
}

/// Puts the nonce in, and keeps the iterations to what a fuzzer has time for.
fn fill(template: &[u8], nonce: &str) -> Vec<u8> {
    let mut filled = Vec::new();
    let mut rest = template;
    let mut n_digits = None;
    while let Some((byte, behind)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(b"NONCE") {
            filled.extend_from_slice(nonce.as_bytes());
            rest = behind;
            continue;
        }
        n_digits = match (n_digits, byte) {
            (Some(n), b'0'..=b'9') => Some(n + 1),
            _ if rest.starts_with(b"i=") => Some(0),
            (Some(0), b'=') => Some(0),
            _ => None,
        };
        if n_digits.is_none_or(|n| n <= 4) {
            filled.push(*byte);
        }
        rest = behind;
    }
    filled
}
