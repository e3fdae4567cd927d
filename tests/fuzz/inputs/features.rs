//! What a server offers after TLS, and whatever it says then without listening: nobody is logged on by it.

use tokio::io::{AsyncWriteExt, duplex};

/// Everything that comes behind the server's stream header.
pub fn try_one(data: &[u8]) {
    super::block_on(async {
        let (near, mut far) = duplex(1 << 20);
        far.write_all(super::HEADER.as_bytes()).await.unwrap();
        far.write_all(&data[..data.len().min(1 << 19)]).await.unwrap();
        far.shutdown().await.unwrap();
        if let Err(fault) = super::log_on(near).await {
            super::assert_harmless(&fault.to_string());
        } else {
            panic!("logged on without a proof");
        }
    });
}
