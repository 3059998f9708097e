//! What the wire cannot say: no contact, no place and no person has a field (README, "What is absent, by design").

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet, ServiceDescriptorProto};

/// Parts of names that would speak of a contact, a place or a person.
const UNWANTED: &[&str] = &[
    "address",
    "birth",
    "contact",
    "device",
    "email",
    "encounter",
    "gender",
    "gps",
    "imei",
    "ip",
    "latitude",
    "location",
    "longitude",
    "name",
    "neighbour",
    "patient",
    "person",
    "phone",
    "place",
    "rssi",
    "sex",
    "sighting",
    "surname",
];

/// Names that look like it and are not, each with the reason.
const ALLOWED: &[(&str, &str)] = &[
    (
        "Unit.name",
        "an administrative unit's, out of the official list",
    ),
    (
        "ExposureRule.rssi_dbm",
        "a threshold, from server to phones",
    ),
];

/// Everything a phone can say, in full. Services for phones: what they take, message by message.
const PHONE_SERVICES: [&str; 2] = ["ExposureService", "ReportService"];
const A_PHONE_CAN_SAY: &[(&str, &[&str])] = &[
    ("GetConfigRequest", &[]),
    ("ListBatchesRequest", &["region"]),
    ("DownloadBatchRequest", &["digest", "offset"]),
    (
        "RedeemRequest",
        &["upload_code", "blinded_element", "decoy", "padding"],
    ),
    (
        "UploadRequest",
        &["token", "region", "keys", "padding", "decoy"],
    ),
    ("UploadToken", &["nonce", "metadata", "output"]),
    ("TokenMetadata", &["report_type", "first_day", "last_day"]),
    ("DisclosedKey", &["scheme", "day", "secret", "slots"]),
];

#[test]
fn no_name_speaks_of_a_contact_a_place_or_a_person() {
    for (owner, name) in names() {
        let full = format!("{owner}.{name}");
        if ALLOWED.iter().any(|(allowed, _)| *allowed == full) {
            continue;
        }
        let parts = words(&name);
        let unwanted = UNWANTED
            .iter()
            .find(|word| parts.iter().any(|part| part == *word));
        assert!(
            unwanted.is_none(),
            "{full} speaks of \"{}\". The server is to learn of no contact, place or person: take the field out, or, if \
             it means something else, rename it or add it to ALLOWED with the reason",
            unwanted.unwrap()
        );
    }
}

#[test]
fn every_allowed_name_exists() {
    for (allowed, _) in ALLOWED {
        assert!(
            names()
                .iter()
                .any(|(owner, name)| format!("{owner}.{name}") == *allowed),
            "{allowed} is gone: take it off the list"
        );
    }
}

#[test]
fn a_phone_can_say_this_and_nothing_else() {
    let messages = messages();
    let mut pending: Vec<String> = services()
        .iter()
        .filter(|service| PHONE_SERVICES.contains(&service.name()))
        .flat_map(|service| &service.method)
        .map(|method| {
            assert!(
                !method.client_streaming(),
                "{} lets a phone stream: an upload must not show by its length whose it is",
                method.name()
            );
            short(method.input_type()).to_owned()
        })
        .collect();
    let mut reachable = Vec::new();
    while let Some(name) = pending.pop() {
        if !reachable.contains(&name)
            && let Some(message) = messages.iter().find(|message| message.name() == name)
        {
            pending.extend(
                message
                    .field
                    .iter()
                    .map(|f| short(f.type_name()).to_owned()),
            );
            let fields: Vec<&str> = message.field.iter().map(|field| field.name()).collect();
            let (_, expected) = A_PHONE_CAN_SAY
                .iter()
                .find(|(expected, _)| *expected == name)
                .unwrap_or_else(|| panic!("phones can now send a {name}. {BEFORE_ADDING}"));
            assert_eq!(&fields, expected, "in {name}. {BEFORE_ADDING}");
            reachable.push(name);
        }
    }
    assert_eq!(reachable.len(), A_PHONE_CAN_SAY.len(), "{reachable:?}");
}

const BEFORE_ADDING: &str = "Before adding it to A_PHONE_CAN_SAY, make sure that it tells neither a contact, nor a \
                             place, nor a person, nor links two uploads";

fn descriptors() -> FileDescriptorSet {
    FileDescriptorSet::decode(truyvet_proto::FILE_DESCRIPTOR_SET).expect("made by our own build")
}

fn services() -> Vec<ServiceDescriptorProto> {
    descriptors()
        .file
        .into_iter()
        .flat_map(|file| file.service)
        .collect()
}

/// All messages, nested ones too.
fn messages() -> Vec<DescriptorProto> {
    let mut pending: Vec<_> = descriptors()
        .file
        .into_iter()
        .flat_map(|file| file.message_type)
        .collect();
    let mut messages = Vec::new();
    while let Some(message) = pending.pop() {
        pending.extend(message.nested_type.iter().cloned());
        messages.push(message);
    }
    assert!(messages.len() > 20, "found the descriptors");
    messages
}

/// Fields and calls as (message or service, name).
fn names() -> Vec<(String, String)> {
    let fields = messages().into_iter().flat_map(|message| {
        let owner = message.name().to_owned();
        message
            .field
            .into_iter()
            .map(move |field| (owner.clone(), field.name().to_owned()))
    });
    let calls = services().into_iter().flat_map(|service| {
        let owner = service.name().to_owned();
        service
            .method
            .into_iter()
            .map(move |method| (owner.clone(), method.name().to_owned()))
    });
    fields.chain(calls).collect()
}

/// The words of `phone_number`, `phoneNumber` and `PhoneNumber`, in lower case, without a plural's s.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if c != '_' {
            words
                .last_mut()
                .expect("never empty")
                .extend(c.to_lowercase());
        }
    }
    words
        .into_iter()
        .filter(|word| !word.is_empty())
        .flat_map(|word| [word.trim_end_matches('s').to_owned(), word])
        .collect()
}

#[test]
fn names_are_cut_into_words() {
    for name in ["phone_number", "phoneNumbers", "UploadSightings", "contact"] {
        let words = words(name);
        assert!(
            UNWANTED.iter().any(|word| words.iter().any(|w| w == word)),
            "{name}: {words:?}"
        );
    }
}

/// `.truyvet.v1.UploadRequest` without the package.
fn short(type_name: &str) -> &str {
    type_name.rsplit('.').next().unwrap_or_default()
}
