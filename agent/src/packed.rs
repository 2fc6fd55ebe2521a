//! The long texts that this program carries, which `build.rs` packs: data, the schema, the manual pages.

/// A text by its name in `build.rs`.
macro_rules! text {
    ($name:literal) => {
        $crate::packed::unpack(include_bytes!(concat!(env!("OUT_DIR"), "/", $name)))
    };
}
pub(crate) use text;

/// The manual page of a rule; a page begins with the rule's id as its heading.
pub(crate) fn page(rule: &str) -> Option<String> {
    let pages = text!("pages");
    let of = |page: &&str| page.strip_prefix("# ").and_then(|page| page.lines().next()) == Some(rule);
    pages.split('\0').find(of).map(ToOwned::to_owned)
}

/// Unpacks what [`text!`] includes.
#[expect(clippy::expect_used, reason = "the text is part of the binary, and the tests unpack each")]
pub(crate) fn unpack(packed: &[u8]) -> String {
    let bytes = miniz_oxide::inflate::decompress_to_vec(packed).expect("the text was packed by the build");
    String::from_utf8(bytes).expect("the text that the build packed is UTF-8")
}
