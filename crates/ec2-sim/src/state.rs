//! A world in a file: JSON, replaced as a whole, so that a crash leaves the old one or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::world::World;

/// The form of the file. A file of another form is refused.
const VERSION: u32 = 1;

/// A world could not be loaded or saved.
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
    /// The file holds something else.
    #[error("{} does not hold a world", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: serde_json::Error,
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
    /// Reads a world from a file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, StateError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| StateError::Read { path: path.to_owned(), source })?;
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
        replace(path, self).map_err(|source| StateError::Write { path: path.to_owned(), source })
    }
}

fn replace(path: &Path, world: &World) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(&Versioned { version: VERSION, world })?;
    text.push(b'\n');
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = File::create(&beside)
        .and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What is half written helps nobody; that it cannot be removed either is not the news.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Client, DB, noon};

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
    fn what_a_file_does_not_say_has_its_default() {
        let mut value = serde_json::to_value(World::example(1, noon())).unwrap();
        for field in ["manners", "fail_next"] {
            value.as_object_mut().unwrap().remove(field);
        }
        let world: World = serde_json::from_value(value).unwrap();
        assert_eq!(world, World::example(1, noon()));
    }
}
