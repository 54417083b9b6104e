//! How a backup is written on EC2 resources and read back. Beside `guard`, which reads them anew on purpose, only this file
//! makes sense of tag keys.
//!
//! The seed's tags are kept, so that the old scripts can read our backups and we theirs:
//! `Name=backup-ami@<instance name>`, `Instance`, `Date`, `Creator=image-instance`, `AvailabilityZone`, `Expire`.
//! No other tag of ours may hold the word `Expire` in its key: the old purge script greps for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use foldhash::HashSet;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::completion::Completion;
use crate::expiry::{Expiry, UnreadableTag};
use crate::id::{InstanceId, Region, SeriesName};
use crate::instant;
use crate::plain::one_line;

/// The value of `Creator` that makes a resource ours.
pub const OUR_MARK: &str = "image-instance";

const NAME: &str = "Name";
const INSTANCE: &str = "Instance";
const DATE: &str = "Date";
const CREATOR: &str = "Creator";
const AVAILABILITY_ZONE: &str = "AvailabilityZone";
pub(crate) const EXPIRE: &str = "Expire";
const NAME_PREFIX: &str = "backup-ami@";
const INTENT_PREFIX: &str = "ami-backup:copy-to:";
/// The series a policy's backup belongs to.
pub const SERIES: &str = "ami-backup:series";
/// What keeps a backup whatever else is said, and in its value why.
pub const PIN: &str = "ami-backup:pin";

/// EC2's limit on a tag value, in Unicode characters.
pub(crate) const VALUE_LIMIT: usize = 256;

/// The tags of one resource, by key.
///
/// There are hundreds of thousands of them, hardly any is ever changed, and nearly all bear the same keys: those are shared, in their
/// order, and the values are one piece of memory.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
#[schemars(with = "BTreeMap<String, String>")]
pub struct Tags {
    /// In order, each once.
    keys: Arc<[SmolStr]>,
    /// The value of each key.
    values: Box<[SmolStr]>,
}

/// The keys that tags of one listing bear, so that all who bear the same ones share them.
#[derive(Debug, Default)]
pub struct TagKeys(HashSet<Arc<[SmolStr]>>);

/// Whose mark a resource bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark<'a> {
    /// `Creator=image-instance`.
    Ours,
    /// Another `Creator`.
    Anothers(&'a str),
    /// No `Creator` at all.
    Absent,
}

/// What an `Expire` tag says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpireTag {
    /// There is none: the backup stays.
    Absent,
    /// The instant after which the backup may go.
    At(Expiry),
    /// It says something that is not an instant: the backup stays, and the report says so.
    Unreadable {
        /// The tag's text.
        text: String,
        /// What is wrong with it.
        why: UnreadableTag,
    },
}

/// What a new backup says of itself: the seed's tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The instance's `Name` tag, if it has one.
    pub instance_name: Option<String>,
    /// The instance.
    pub instance: InstanceId,
    /// The moment the backup was asked for.
    pub slot: Timestamp,
    /// Where the instance runs.
    pub availability_zone: String,
    /// When the backup may go; never, if absent.
    pub expire: Option<Expiry>,
    /// The series it belongs to, of a policy's backup.
    pub series: Option<SeriesName>,
    /// What is carried over from the instance. Nothing of ours can be, nor of EC2's.
    pub carried: Tags,
}

/// One copy that was asked for, as written on the source image so that any later run can finish it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The region the copy goes to.
    pub destination: Region,
    /// How the copy is encrypted.
    pub encryption: Encryption,
    /// In how many minutes EC2 is to finish it; as EC2 likes, if absent.
    pub completion: Option<Completion>,
    /// After this instant the copy is not made any more (design: 48 h, or the run's patience when longer).
    pub until: Timestamp,
}

/// How the snapshots of a copy are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// As the source is.
    AsSource,
    /// With the destination's default key.
    DefaultKey,
    /// With this key of the destination region.
    Key(String),
}

/// An intent tag that cannot be read: nothing is copied for it, and the report says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its tag `{}={}` cannot be read as a copy that was asked for", one_line(key), one_line(value))]
pub struct UnreadableIntent {
    /// The tag's key.
    pub key: String,
    /// The tag's value.
    pub value: String,
}

/// Nothing, `encrypt`, or `key=<KMS key>`: as written in an intent tag.
impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsSource => Ok(()),
            Self::DefaultKey => f.write_str("encrypt"),
            Self::Key(key) => write!(f, "key={key}"),
        }
    }
}

impl TagKeys {
    /// Tags from what EC2 listed; of two with one key the later one.
    pub fn tags(&mut self, tags: impl IntoIterator<Item = (impl Into<SmolStr>, impl Into<SmolStr>)>) -> Tags {
        let mut tags: Vec<(SmolStr, SmolStr)> = tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        tags.sort_by(|(one, _), (other, _)| one.cmp(other));
        tags.dedup_by(|later, earlier| {
            let is_one = later.0 == earlier.0;
            if is_one {
                std::mem::swap(later, earlier);
            }
            is_one
        });
        let (keys, values): (Vec<SmolStr>, Vec<SmolStr>) = tags.into_iter().unzip();
        Tags { keys: self.shared(keys), values: values.into() }
    }

    fn shared(&mut self, keys: Vec<SmolStr>) -> Arc<[SmolStr]> {
        if let Some(known) = self.0.get(keys.as_slice()) {
            return known.clone();
        }
        let keys: Arc<[SmolStr]> = keys.into();
        self.0.insert(keys.clone());
        keys
    }
}

impl Tags {
    /// Tags that share their keys with no others.
    pub fn new(tags: impl IntoIterator<Item = (impl Into<SmolStr>, impl Into<SmolStr>)>) -> Self {
        TagKeys::default().tags(tags)
    }

    /// The value of one tag.
    pub fn get(&self, key: &str) -> Option<&str> {
        let place = self.keys.iter().position(|known| known == key)?;
        self.values.get(place).map(SmolStr::as_str)
    }

    /// All tags, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.keys.iter().map(SmolStr::as_str).zip(self.values.iter().map(SmolStr::as_str))
    }

    /// Whose mark this is.
    pub fn mark(&self) -> Mark<'_> {
        match self.get(CREATOR) {
            Some(OUR_MARK) => Mark::Ours,
            Some(another) => Mark::Anothers(another),
            None => Mark::Absent,
        }
    }

    /// The series that the resource's backup belongs to; none if its tag holds no name of a series.
    pub fn series(&self) -> Option<SeriesName> {
        self.get(SERIES)?.parse().ok()
    }

    /// Why the resource is to stay whatever else is said, if it is pinned.
    pub fn pin(&self) -> Option<&str> {
        self.get(PIN)
    }

    /// The moment the backup was due or asked for, where its `Date` tag says so as we write it.
    pub fn slot(&self) -> Option<Timestamp> {
        instant::read(self.get(DATE)?)
    }

    /// When the resource may go, by its own `Expire` tag.
    pub fn expire(&self) -> ExpireTag {
        match self.get(EXPIRE) {
            None => ExpireTag::Absent,
            Some(text) => match Expiry::from_tag(text) {
                Ok(expiry) => ExpireTag::At(expiry),
                Err(why) => ExpireTag::Unreadable { text: text.to_owned(), why },
            },
        }
    }

    /// Whether there is an `Expire` tag, readable or not.
    pub fn has_expire(&self) -> bool {
        self.get(EXPIRE).is_some()
    }

    /// The instance named by the `Instance` tag.
    pub fn instance(&self) -> Option<InstanceId> {
        self.get(INSTANCE)?.parse().ok()
    }

    /// The `Name` tag.
    pub fn name(&self) -> Option<&str> {
        self.get(NAME)
    }

    /// The instance's name: the `Name` tag without what we put before it.
    pub fn instance_name(&self) -> Option<&str> {
        self.name()?.strip_prefix(NAME_PREFIX)
    }

    /// The copies asked for, in order of their regions; unreadable ones apart.
    pub fn intents(&self) -> impl Iterator<Item = Result<Intent, UnreadableIntent>> {
        self.iter().filter_map(|(key, value)| {
            let destination = key.strip_prefix(INTENT_PREFIX)?;
            let unreadable = || UnreadableIntent { key: key.to_owned(), value: value.to_owned() };
            Some(destination.parse().ok().and_then(|region| Intent::read(region, value)).ok_or_else(unreadable))
        })
    }

    /// The regions that copies were asked for in, whether or not the rest of the intent can be read: who only wants to
    /// know where a copy may be under way has to look in all of them.
    pub fn destinations(&self) -> impl Iterator<Item = Region> {
        self.iter().filter_map(|(key, _)| key.strip_prefix(INTENT_PREFIX)?.parse().ok())
    }

    /// What a copy of this resource is tagged with: everything, as the seed promises, but the intents (they are the
    /// source's) and the `aws:` tags, which EC2 keeps to itself.
    #[must_use]
    pub fn for_copy(&self) -> Tags {
        let is_copied = |key: &str| !key.starts_with(INTENT_PREFIX) && !key.starts_with("aws:");
        Self::new(self.iter().filter(|(key, _)| is_copied(key)))
    }

    /// These tags with the intents added: what the source image is created with.
    #[must_use]
    pub fn with_intents<'a>(self, intents: impl IntoIterator<Item = &'a Intent>) -> Tags {
        let intents = intents.into_iter().map(|intent| (format!("{INTENT_PREFIX}{}", intent.destination).into(), intent.write().into()));
        Self::new(self.keys.iter().cloned().zip(self.values).chain(intents))
    }
}

impl Label {
    /// The tags of a new backup, on its image and on every snapshot alike.
    pub fn tags(&self) -> Tags {
        let name = format!("{NAME_PREFIX}{}", self.instance_name.as_deref().unwrap_or(self.instance.as_str()));
        let mut tags = BTreeMap::from([
            (NAME.to_owned(), name.chars().take(VALUE_LIMIT).collect()),
            (INSTANCE.to_owned(), self.instance.to_string()),
            (DATE.to_owned(), self.slot.to_string()),
            (CREATOR.to_owned(), OUR_MARK.to_owned()),
            (AVAILABILITY_ZONE.to_owned(), self.availability_zone.clone()),
        ]);
        if let Some(expire) = self.expire {
            tags.insert(EXPIRE.to_owned(), expire.to_string());
        }
        if let Some(series) = &self.series {
            tags.insert(SERIES.to_owned(), series.to_string());
        }
        for (key, value) in self.carried.iter().filter(|(key, _)| may_be_carried(key)) {
            tags.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
        Tags::new(tags)
    }
}

impl From<BTreeMap<String, String>> for Tags {
    fn from(tags: BTreeMap<String, String>) -> Self {
        Self::new(tags)
    }
}

impl From<Tags> for BTreeMap<String, String> {
    fn from(tags: Tags) -> Self {
        tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

/// As a map, which they are.
impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tags").field(&self.iter().collect::<BTreeMap<_, _>>()).finish()
    }
}

/// Whether an instance's tag of this key may be carried over to its backup: what decides over a backup is ours alone to write.
pub fn may_be_carried(key: &str) -> bool {
    const OURS: [&str; 6] = [NAME, INSTANCE, DATE, CREATOR, AVAILABILITY_ZONE, EXPIRE];
    // The old purge script greps for the word wherever it stands.
    !OURS.contains(&key) && !key.contains(EXPIRE) && !key.starts_with("aws:") && !key.starts_with("ami-backup:")
}

/// The value is `until=<RFC 3339>`, then ` completion=<minutes>` if it is to be done in so many, then ` encrypt`, or ` key=<KMS key>`.
impl Intent {
    fn write(&self) -> String {
        let Self { destination: _, encryption, completion, until } = self;
        let within = completion.map_or_else(String::new, |completion| format!(" completion={completion}"));
        match encryption {
            Encryption::AsSource => format!("until={until}{within}"),
            Encryption::DefaultKey | Encryption::Key(_) => format!("until={until}{within} {encryption}"),
        }
    }

    fn read(destination: Region, value: &str) -> Option<Self> {
        let mut words = value.split(' ').peekable();
        let until = words.next()?.strip_prefix("until=")?.parse().ok()?;
        let completion = words.next_if(|word| word.starts_with("completion="));
        let completion = completion.and_then(|word| word.strip_prefix("completion=")).map(str::parse).transpose().ok()?;
        let encryption = match words.next() {
            None => Encryption::AsSource,
            Some("encrypt") => Encryption::DefaultKey,
            Some(word) => Encryption::Key(word.strip_prefix("key=")?.to_owned()),
        };
        words.next().is_none().then_some(Self { destination, encryption, completion, until })
    }

    /// Whether EC2 can hold this intent as a tag: a key's ARN may be too long for it.
    pub fn fits_a_tag(&self) -> bool {
        let value = self.write();
        value.chars().count() <= VALUE_LIMIT && Self::read(self.destination.clone(), &value).as_ref() == Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn label(instance_name: Option<&str>) -> Label {
        Label {
            instance_name: instance_name.map(str::to_owned),
            instance: "i-0123456789abcdef0".parse().unwrap(),
            slot: instant("2026-11-23T02:00:00Z"),
            availability_zone: "us-east-1a".to_owned(),
            expire: Some(Expiry::at(instant("2026-11-30T02:00:00Z"))),
            series: None,
            carried: Tags::default(),
        }
    }

    #[test]
    fn who_bears_the_same_keys_shares_them_and_of_one_key_the_later_value_holds() {
        let mut keys = TagKeys::default();
        let one = keys.tags([("Name", "web"), ("Creator", "me"), ("Name", "db")]);
        let other = keys.tags([("Creator", "you"), ("Name", "app")]);
        assert_eq!(one.iter().collect::<Vec<_>>(), [("Creator", "me"), ("Name", "db")]);
        assert!(Arc::ptr_eq(&one.keys, &other.keys) && !Arc::ptr_eq(&one.keys, &keys.tags([("Name", "db")]).keys));
        assert_eq!(
            (one.get("Name"), other.get("Name"), other.get("name"), Tags::default().get("Name")),
            (Some("db"), Some("app"), None, None)
        );
        let alone = Tags::new([("Name", "db"), ("Creator", "me")]);
        assert!(alone == one && one != other);
        let written = serde_json::to_string(&one).unwrap();
        assert_eq!((written.as_str(), serde_json::from_str(&written).ok()), (r#"{"Creator":"me","Name":"db"}"#, Some(one)));
    }

    #[test]
    fn a_policys_backup_bears_its_series_and_what_is_carried_over() {
        let carried = [("Team", "core"), ("Creator", "evil"), ("ExpireSoon", "1"), ("aws:x", "y"), ("ami-backup:pin", "z")];
        let label = Label {
            expire: None,
            series: Some("web".parse().unwrap()),
            carried: Tags::new(carried.map(|(key, value)| (key.to_owned(), value.to_owned()))),
            ..label(Some("web-1"))
        };
        let tags = label.tags();
        let lines: Vec<String> = tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        AvailabilityZone=us-east-1a
        Creator=image-instance
        Date=2026-11-23T02:00:00Z
        Instance=i-0123456789abcdef0
        Name=backup-ami@web-1
        Team=core
        ami-backup:series=web
        ");
        assert_eq!((tags.series(), tags.slot(), tags.pin()), (label.series, Some(label.slot), None));
    }

    #[test]
    fn a_backup_is_written_in_the_seeds_tags() {
        let lines: Vec<String> = label(Some("db, \"prod\"")).tags().iter().map(|(k, v)| format!("{k}={v}")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        AvailabilityZone=us-east-1a
        Creator=image-instance
        Date=2026-11-23T02:00:00Z
        Expire=2026-11-30T02:00:00Z
        Instance=i-0123456789abcdef0
        Name=backup-ami@db, "prod"
        "#);
    }

    #[test]
    fn a_long_name_is_kept_whole_up_to_what_a_tag_holds() {
        let tags = label(Some(&"ü".repeat(256))).tags();
        assert_eq!(tags.name().unwrap().chars().count(), 256);
        assert_eq!(label(None).tags().name(), Some("backup-ami@i-0123456789abcdef0"));
    }

    #[test]
    fn an_intent_is_read_as_it_was_written() {
        let key = || Encryption::Key("arn:aws:kms:eu-west-1:123456789012:key/mrk-1".to_owned());
        let encryptions = || [Encryption::AsSource, Encryption::DefaultKey, key()];
        for (encryption, completion) in [None, "60".parse().ok()].into_iter().flat_map(|within| encryptions().map(|how| (how, within))) {
            let until = instant("2026-11-25T02:00:00Z");
            let intent = Intent { destination: "eu-west-1".parse().unwrap(), encryption, completion, until };
            let tags = label(None).tags().with_intents([&intent]);
            assert_eq!(tags.intents().collect::<Vec<_>>(), vec![Ok(intent.clone())]);
            assert_eq!(tags.for_copy(), label(None).tags(), "a copy does not carry the source's intents");
            assert!(intent.fits_a_tag());
        }
    }

    #[test]
    fn an_intent_without_a_completion_is_written_as_it_ever_was() {
        let intent = |completion| Intent {
            destination: "eu-west-1".parse().unwrap(),
            encryption: Encryption::DefaultKey,
            completion,
            until: instant("2026-11-25T02:00:00Z"),
        };
        assert_eq!(intent(None).write(), "until=2026-11-25T02:00:00Z encrypt");
        assert_eq!(intent("60".parse().ok()).write(), "until=2026-11-25T02:00:00Z completion=60 encrypt");
    }

    #[test]
    fn a_key_keeps_the_white_space_at_its_end() {
        for key in ["", "alias/a\t", "alias/a\n", "alias/a\u{a0}"] {
            let encryption = Encryption::Key(key.to_owned());
            let until = instant("2026-11-25T02:00:00Z");
            let intent = Intent { destination: "eu-west-1".parse().unwrap(), encryption, completion: None, until };
            let tags = Tags::default().with_intents([&intent]);
            assert_eq!(tags.intents().collect::<Vec<_>>(), vec![Ok(intent)], "{key:?}");
        }
    }

    #[test]
    fn an_intent_of_anybody_elses_making_is_unreadable() {
        let after_until =
            ["decrypt", "encrypt more", "completion=", "completion=50", "completion=0", "encrypt completion=60", "completion=60 x"];
        let after_until = after_until.map(|rest| format!("until=2026-11-25T02:00:00Z {rest}"));
        for value in ["", "until=", "until=tomorrow"].into_iter().chain(after_until.iter().map(String::as_str)) {
            let tags = Tags::new([("ami-backup:copy-to:eu-west-1".to_owned(), value.to_owned())]);
            assert!(tags.intents().next().unwrap().is_err(), "{value:?}");
        }
        let nowhere = Tags::new([("ami-backup:copy-to:nowhere".to_owned(), "until=2026-11-25T02:00:00Z".to_owned())]);
        assert!(nowhere.intents().next().unwrap().is_err());
    }

    #[test]
    fn a_destination_is_known_though_the_rest_of_the_intent_is_not() {
        let tags = ["ami-backup:copy-to:eu-west-1", "ami-backup:copy-to:nowhere", "copy-to:ap-south-1"]
            .map(|key| (key.to_owned(), "soon".to_owned()));
        assert_eq!(Tags::new(tags).destinations().collect::<Vec<_>>(), ["eu-west-1".parse().unwrap()]);
    }

    #[test]
    fn a_key_too_long_for_a_tag_does_not_fit() {
        let intent = Intent {
            destination: "eu-west-1".parse().unwrap(),
            encryption: Encryption::Key(format!("alias/{}", "k".repeat(250))),
            completion: None,
            until: instant("2026-11-25T02:00:00Z"),
        };
        assert!(!intent.fits_a_tag());
    }

    #[test]
    fn a_key_that_would_not_be_read_back_does_not_fit_either() {
        let key = |key: &str| Encryption::Key(key.to_owned());
        let until = instant("2026-11-25T02:00:00Z");
        let intent = |encryption| Intent { destination: "eu-west-1".parse().unwrap(), encryption, completion: None, until };
        assert!(intent(key("alias/dr")).fits_a_tag());
        assert!(!intent(key("alias/dr encrypt")).fits_a_tag());
    }

    #[test]
    fn no_tag_of_ours_but_one_speaks_of_expire() {
        // The old purge script greps the tags for this word.
        assert!([INTENT_PREFIX, SERIES, PIN].iter().all(|key| !key.contains(EXPIRE)));
    }
}
