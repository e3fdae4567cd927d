//! The watcher's pages in a browser: they refresh without losing the reader's place.

use crate::browser::Browser;
use crate::post::{GOOD, until};
use crate::service::{EXPIRED, Serving};

#[test]
fn a_page_is_kept_up_to_date_where_the_reader_is() {
    let Some(mut browser) = Browser::start() else { return };
    let serving = Serving::two_pairs();
    let address = serving.address.replace("127.0.0.1", "localhost");
    browser.open(&format!("http://{address}/"));
    browser.picture("live");
    assert_eq!(browser.evaluate("document.body.dataset.refresh"), "30");
    browser.evaluate("document.getElementById('all-pairs').open = true");
    browser.evaluate("document.querySelectorAll('#pairs-table th button')[2].click()");
    browser.evaluate("document.querySelector('table.matrix a[tabindex=\"0\"]').focus()");
    browser.press("ArrowDown");
    let focused = "document.activeElement.closest('td').dataset.key";
    let key = browser.evaluate(focused);
    browser.evaluate("document.getElementById('filter').value = 'contoso'");
    browser.evaluate("document.getElementById('filter').dispatchEvent(new Event('input'))");
    browser.evaluate("document.body.style.minHeight = '4000px'; window.scrollTo(0, 300)");
    // A pair turns meanwhile.
    let sql = format!(
        "UPDATE pair SET state = 'Down', code = 'POOL-BUSY', owner = 'Pool' WHERE receiver = '{GOOD}'"
    );
    rusqlite::Connection::open(serving.post.store()).unwrap().execute(&sql, []).unwrap();
    until("the page says so", || serving.get("/").text.contains("✖ 2</b> Down"));
    browser.until("document.querySelector('#summary .Down b').textContent === '✖ 2'");
    assert_eq!(browser.evaluate(focused), key, "the focus stays");
    assert_eq!(browser.evaluate("window.scrollY"), 300, "the place stays");
    assert_eq!(
        browser.evaluate("document.getElementById('all-pairs').open"),
        true,
        "what was unfolded stays"
    );
    assert_eq!(browser.evaluate("document.getElementById('filter').value"), "contoso");
    let sorted = "document.querySelectorAll('#pairs-table th')[2].getAttribute('aria-sort')";
    assert_eq!(browser.evaluate(sorted), "ascending", "the order stays");
    browser.picture("live-refreshed");
    assert_eq!(browser.complaints, [] as [String; 0]);
    // A pair's own page.
    browser.open(&format!("http://{address}{}", serving.page_of(EXPIRED)));
    browser.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })");
    browser.picture("live-pair");
    assert_eq!(browser.complaints, [] as [String; 0]);
}

#[test]
fn a_page_says_that_its_watcher_is_silent() {
    let Some(mut browser) = Browser::start() else { return };
    let mut serving = Serving::two_pairs();
    browser.open(&format!("http://{}/", serving.address));
    assert_eq!(browser.evaluate("document.getElementById('silent').hidden"), true);
    serving.watcher.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(serving.watcher.ends(), Some(0));
    browser.until("!document.getElementById('silent').hidden");
    browser.picture("live-silent");
}
