//! A world in a file: JSON, replaced as a whole, so that a crash leaves the old one or the new one. A world
//! written by hand, in TOML, can be read too.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::toml_file::Problem;
use crate::world::World;
use crate::world_file;

/// The form of the file. A file of another form is refused.
const VERSION: u32 = 1;

/// A world could not be loaded or saved, or a file of faults not be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file could not be read.
    #[error("cannot read the world in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file with the faults could not be read.
    #[error("cannot read the faults in {}", path.display())]
    ReadFaults {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} does not hold a world", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// The file was written by hand, and something in it is wrong.
    #[error("{}:{line}: {message}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what was expected.
        message: String,
    },
    /// The file is one that people write.
    #[error("{} is for a world written by hand, and nothing is ever written over one; keep the world in another file", path.display())]
    ByHand {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version.
    #[error("the world in {} has the form {found}, and this version reads {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The form it has.
        found: u32,
    },
    /// The file could not be written.
    #[error("cannot write the world to {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct Versioned<W> {
    version: u32,
    world: W,
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

impl World {
    /// Reads a world from a file: one that was [saved](Self::save), or, where its name ends in `.toml`, one
    /// written by hand. `world.example.toml` shows how.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, StateError> {
        Self::read(path.as_ref(), None)
    }

    /// The same; a world written by hand that does not say what its clock shows begins at `now`.
    pub fn load_as_of(path: impl AsRef<Path>, now: Timestamp) -> Result<Self, StateError> {
        Self::read(path.as_ref(), Some(now))
    }

    fn read(path: &Path, now: Option<Timestamp>) -> Result<Self, StateError> {
        let text = fs::read_to_string(path).map_err(|source| StateError::Read { path: path.to_owned(), source })?;
        if is_by_hand(path) {
            return world_file::read(&text, now).map_err(|problem| StateError::of_text(path, problem));
        }
        let parse_error = |source| StateError::Parse { path: path.to_owned(), source };
        let VersionOnly { version } = serde_json::from_str(&text).map_err(parse_error)?;
        if version != VERSION {
            return Err(StateError::Version { path: path.to_owned(), found: version });
        }
        let file: Versioned<Self> = serde_json::from_str(&text).map_err(parse_error)?;
        Ok(file.world)
    }

    /// Writes the world to a file, in place of what was there.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StateError> {
        let path = path.as_ref();
        if is_by_hand(path) {
            return Err(StateError::ByHand { path: path.to_owned() });
        }
        replace(path, self).map_err(|source| StateError::Write { path: path.to_owned(), source })
    }
}

impl StateError {
    pub(crate) fn of_text(path: &Path, problem: Problem) -> Self {
        Self::Text { path: path.to_owned(), line: problem.line, message: problem.message }
    }
}

fn is_by_hand(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// Until the new file is whole and on the disk, the old one stays what it was. What a crash leaves beside it
/// the next saving writes over.
fn replace(path: &Path, world: &World) -> io::Result<()> {
    let text = form(world)?;
    let beside = beside(path);
    let written = File::create(&beside)
        .and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| sync_folder_of(path));
    if written.is_err() {
        // What is half written helps nobody; that it cannot be removed either is not the news.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn form(world: &World) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(&Versioned { version: VERSION, world })?;
    text.push(b'\n');
    Ok(text)
}

fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    PathBuf::from(beside)
}

/// The new name of the file, too, has to be on the disk. Only Unix lets a folder be opened for that.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::AccountId;
    use crate::testing::{Client, DB, noon};
    use crate::world::Role;

    /// A directory of its own for a test, gone when it is over.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ec2-sim-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn goes_on_where_it_was_saved() {
        let folder = Folder::new("goes-on");
        let path = folder.0.join("world.json");
        let ec2 = Client::of_example();
        ec2.create_image(DB, "nightly");
        ec2.wait(30);
        ec2.sim.snapshot().save(&path).unwrap();

        let again = Client::of(World::load(&path).unwrap());
        assert_eq!(again.sim.now(), ec2.sim.now());
        for client in [&ec2, &again] {
            client.wait(30);
        }
        assert_eq!(again.ok("DescribeSnapshots", &[]).body, ec2.ok("DescribeSnapshots", &[]).body);
        assert_eq!(again.create_image(DB, "again"), ec2.create_image(DB, "again"));
        assert_eq!(*again.sim.world(), *ec2.sim.world());
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_goes_on_where_it_was_saved() {
        let folder = Folder::new("session");
        let path = folder.0.join("world.json");
        let ec2 = Client::of_example();
        let role = Role::trusting(AccountId::default());
        ec2.sim.world().accounts.entry("210987654321".parse().unwrap()).or_default().roles.insert("ami-backup".to_owned(), role);
        let params = [("RoleArn", "arn:aws:iam::210987654321:role/ami-backup"), ("RoleSessionName", "hub")];
        let assumed = ec2.of_service("sts").ok("AssumeRole", &params);
        ec2.sim.snapshot().save(&path).unwrap();
        let again = Client::of(World::load(&path).unwrap());
        assert_eq!(*again.sim.world(), *ec2.sim.world());
        again.with_session(&assumed.text("AccessKeyId"), &assumed.text("SessionToken")).ok("DescribeImages", &[]);
    }

    #[test]
    fn a_world_without_roles_is_saved_as_it_was_before_there_were_any() {
        let value = serde_json::to_value(World::example(1, noon())).unwrap();
        assert_eq!(value.get("sessions"), None);
        assert!(value["accounts"].as_object().unwrap().values().all(|account| account.get("roles").is_none()));
        assert_eq!(serde_json::from_str::<Role>("{}").unwrap(), Role::default());
    }

    #[test]
    fn a_kill_at_any_byte_of_the_writing_leaves_the_old_world() {
        let folder = Folder::new("kill");
        let path = folder.0.join("world.json");
        let mut old = World::new(1, noon());
        old.regions.retain(|name, _| name == "us-east-1");
        old.save(&path).unwrap();
        let mut new = old.clone();
        new.speed = 60.0;
        let text = form(&new).unwrap();
        for length in 0..=text.len() {
            fs::write(beside(&path), &text[..length]).unwrap();
            assert_eq!(World::load(&path).unwrap(), old, "{length} bytes");
        }
        // The next one to save does not mind what lies there, and leaves nothing behind.
        for length in [0, text.len() / 2, text.len()] {
            fs::write(beside(&path), &text[..length]).unwrap();
            new.save(&path).unwrap();
            assert_eq!(World::load(&path).unwrap(), new);
            assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_world_written_by_hand_is_read_and_never_written_over() {
        let folder = Folder::new("by-hand");
        let path = folder.0.join("world.toml");
        fs::write(&path, "[[instance]]\nregion = 'us-east-1'\n").unwrap();
        let missing = World::load(&path).unwrap_err().to_string();
        assert_eq!(missing, format!("{}:1: missing `clock`, such as clock = 2026-12-01T02:00:00Z", path.display()));
        let world = World::load_as_of(&path, noon()).unwrap();
        assert_eq!((world.clock, world.region("us-east-1").instances.len()), (noon(), 1));
        assert!(matches!(world.save(&path), Err(StateError::ByHand { .. })));
        // A world that was saved has a clock.
        let saved = folder.0.join("world.json");
        world.save(&saved).unwrap();
        assert_eq!(World::load_as_of(&saved, Timestamp::MAX).unwrap(), world);
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let folder = Folder::new("wrong");
        let path = folder.0.join("world.json");
        assert!(matches!(World::load(&path), Err(StateError::Read { .. })));
        fs::write(&path, "{}").unwrap();
        assert!(matches!(World::load(&path), Err(StateError::Parse { .. })));
        fs::write(&path, r#"{"version": 2, "world": null}"#).unwrap();
        assert!(matches!(World::load(&path), Err(StateError::Version { found: 2, .. })));
        let nowhere = folder.0.join("no/such/folder/world.json");
        assert!(matches!(World::new(1, noon()).save(nowhere), Err(StateError::Write { .. })));
    }

    #[test]
    fn a_number_is_kept_to_its_last_bit() {
        for speed in [5.910_995_829_313_175e-97, 5.769_096_646_057_148e242] {
            let world = World { speed, ..World::new(1, noon()) };
            let kept = serde_json::to_string(&world).unwrap();
            assert_eq!(serde_json::from_str::<World>(&kept).unwrap(), world);
        }
    }

    #[test]
    fn what_a_file_does_not_say_has_its_default() {
        let mut value = serde_json::to_value(World::example(1, noon())).unwrap();
        for field in ["manners", "fail_next"] {
            value.as_object_mut().unwrap().remove(field);
        }
        let world: World = serde_json::from_value(value).unwrap();
        assert_eq!(world, World::example(1, noon()));
    }
}
