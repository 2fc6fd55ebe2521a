//! Packs the long texts that the program carries, which take a quarter of their length that way; `src/packed.rs` unpacks them.
//!
//! A file of `data` keeps its name. The manual pages become one text, `pages`, with a zero byte between two of them.

#![expect(clippy::disallowed_methods, reason = "a build reads files and what cargo tells it")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

const DATA: [&str; 6] = [
    "endpoints.json",
    "endpoint_services.json",
    "prefixes.json",
    "report.schema.json",
    "fleet.schema.json",
    "words.txt",
];

/// The highest level of `miniz_oxide`: the texts are packed once and carried everywhere.
const LEVEL: u8 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    for changed in ["build.rs", "data", "pages"] {
        println!("cargo:rerun-if-changed={changed}");
    }
    let results = PathBuf::from(env::var("OUT_DIR")?);
    for name in DATA {
        pack(&fs::read(Path::new("data").join(name))?, &results.join(name))?;
    }
    pack(pages()?.as_bytes(), &results.join("pages"))
}

fn pages() -> Result<String, Box<dyn Error>> {
    let mut paths =
        fs::read_dir("pages")?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    // The order of a folder differs from machine to machine, the binary must not.
    paths.sort();
    let pages = paths.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    Ok(pages.join("\0"))
}

fn pack(text: &[u8], path: &Path) -> Result<(), Box<dyn Error>> {
    Ok(fs::write(path, miniz_oxide::deflate::compress_to_vec(text, LEVEL))?)
}
