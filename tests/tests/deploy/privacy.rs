//! The page for the public, in both languages: it names every table, and what it says of time is true of the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use truyvet_server::settings::Settings;

use crate::{text, workspace};

const ENGLISH: &str = "privacy.md";
const VIETNAMESE: &str = "privacy.vi.md";

/// Tables of the database, and what the schema says of the life of their rows.
fn tables() -> BTreeMap<String, String> {
    let folder = workspace().join("server/src/store/sqlite/migrations");
    let mut tables = BTreeMap::new();
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    // In the order in which they run, as long as there are fewer than ten.
    for path in files.collect::<BTreeSet<_>>() {
        let sql = fs::read_to_string(path).unwrap();
        let mut comment = String::new();
        for line in sql.lines() {
            if let Some(words) = line.strip_prefix("-- ") {
                comment = format!("{comment} {words}");
            } else if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                let name = rest.split([' ', '(']).next().unwrap();
                tables.insert(name.to_owned(), comment.clone());
            } else if let Some(name) = line.strip_prefix("DROP TABLE ") {
                tables.remove(name.trim_end_matches(';'));
            } else {
                comment.clear();
            }
        }
    }
    assert!(tables.len() > 10, "{tables:?}");
    tables
}

/// How long, by table: third and fourth column of the page's table.
fn promised(page: &str) -> BTreeMap<String, String> {
    let mut promised = BTreeMap::new();
    for line in text(page).lines() {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, _, _, life, names, _] = columns.as_slice() else {
            continue;
        };
        for name in names.split(", ").filter_map(|name| name.strip_prefix('`')) {
            let name = name.trim_end_matches('`').to_owned();
            assert!(
                promised.insert(name.clone(), life.to_string()).is_none(),
                "{page}: {name} stands there twice"
            );
        }
    }
    promised
}

/// Numbers of a text before a word ("14 days"), in order.
fn numbers(text: &str, unit: &str) -> Vec<u32> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let pairs = words
        .windows(2)
        .filter(|pair| pair[1].trim_matches([',', ';', ')', '.', '(']) == unit);
    pairs
        .filter_map(|pair| pair[0].trim_matches('(').parse().ok())
        .collect()
}

fn defaults() -> Settings {
    Settings::for_data_dir(Path::new("x"))
}

/// Days after which a spent token is forgotten: the day of its code, the days of grace, and one for what is on its way.
fn token_days() -> u32 {
    // No other crate needs the number: it is read where it stands.
    let source = fs::read_to_string(workspace().join("server/src/upload/valid.rs")).unwrap();
    let (_, rest) = source.split_once("const TOKEN_GRACE_DAYS: u32 = ").unwrap();
    let grace: u32 = rest.split(';').next().unwrap().parse().unwrap();
    grace + 2
}

#[test]
fn the_page_names_every_table_of_the_database() {
    let tables: Vec<String> = tables().into_keys().collect();
    for page in [ENGLISH, VIETNAMESE] {
        let named: Vec<String> = promised(page).into_keys().collect();
        assert_eq!(named, tables, "{page}");
    }
}

#[test]
fn what_the_page_says_of_time_is_true() {
    let retention = defaults().retention_days;
    let pages = [
        (ENGLISH, "days", "hours", "for good"),
        (VIETNAMESE, "ngày", "giờ", "lâu dài"),
    ];
    for (page, days, hours, for_good) in pages {
        let promised = promised(page);
        let days_of = |table: &str| numbers(&promised[table], days);
        assert_eq!(days_of("upload_code"), [retention], "{page}");
        let code_hours = numbers(&promised["upload_code"], hours);
        assert_eq!(code_hours, [defaults().code_valid_hours], "{page}");
        assert_eq!(days_of("spent_token"), [token_days()], "{page}");
        for table in ["fresh_key", "settled_key"] {
            assert_eq!(days_of(table), [retention, 2 * retention], "{page}");
        }
        assert_eq!(days_of("withdrawn_key"), [2 * retention], "{page}");
        for table in [
            "code_import",
            "code_import_line",
            "publication",
            "upload_count",
        ] {
            assert_eq!(days_of(table), [retention], "{page}: {table}");
        }
        for (table, comment) in tables() {
            if comment.contains("Life: for good") {
                let life = &promised[&table];
                assert!(life.contains(for_good), "{page}: {table}: {life}");
            }
            if comment.contains("the retention") {
                assert!(
                    days_of(&table).contains(&retention)
                        || days_of(&table).contains(&(2 * retention)),
                    "{page}: {table}"
                );
            }
        }
    }
}

#[test]
fn both_languages_say_the_same_numbers() {
    let figures = |page: &str| {
        let text = text(page);
        let mut figures: Vec<u32> = text
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        figures.sort_unstable();
        figures
    };
    assert_eq!(figures(ENGLISH), figures(VIETNAMESE));
    let headings = |page: &str| {
        text(page)
            .lines()
            .filter(|line| line.starts_with('#'))
            .count()
    };
    assert_eq!(headings(ENGLISH), headings(VIETNAMESE));
}

#[test]
fn a_number_is_read_with_its_unit() {
    assert_eq!(
        numbers("14 days after (24 hours); at most 28 days.", "days"),
        [14, 28]
    );
    assert_eq!(numbers("14 days after (24 hours)", "hours"), [24]);
}
