//! What it takes to turn a profile into something that speaks to its platform.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::clock::Clock;
use crate::config::{self, Config, Contacts, Environment, FloorMode, Home, Profile, RoomPolicy};
use crate::core::gate::{Gates, RoomGate};
use crate::error::{Error, Result};
use crate::event::ids::{ChatId, UserId};
use crate::transport::verbs::IdKind;
use crate::transport::{
    Account, Identity, Intake, Limits, Network, RoomRule, Rooms, Shared, Siblings, Sights,
};

/// Cheap to clone; the clones share all of it.
#[derive(Clone)]
pub struct Accounts {
    pub home: Home,
    /// Of the process alone: `.env` is read again with each secret, since people mend it there.
    process: Environment,
    contacts: Arc<RwLock<Arc<Contacts>>>,
    policies: Arc<RwLock<Arc<config::Rooms>>>,
    /// The profiles that count as ours.
    pub siblings: Siblings,
    pub rooms: Rooms,
    sights: Sights,
    network: Arc<Network>,
    limits: Limits,
    clock: Clock,
    /// Made when something is sent first: reading this system's roots takes longer than a whole call to a
    /// supervisor.
    shared: Arc<OnceLock<Shared>>,
}

impl Accounts {
    pub fn new(config: &Config, limits: Limits, clock: Clock) -> Accounts {
        Accounts {
            home: config.home.clone(),
            process: config.process.clone(),
            contacts: Arc::new(RwLock::new(Arc::new(config.contacts.clone()))),
            policies: Arc::new(RwLock::new(Arc::new(config.rooms.clone()))),
            siblings: Siblings::default(),
            rooms: Rooms::default(),
            sights: Sights::default(),
            network: Arc::new(network(config)),
            limits,
            clock,
            shared: Arc::default(),
        }
    }

    pub fn shared(&self) -> Result<Shared> {
        if let Some(shared) = self.shared.get() {
            return Ok(shared.clone());
        }
        let shared = Shared::within(self.clock.clone(), self.limits.clone(), &self.network)?;
        Ok(self.shared.get_or_init(|| shared).clone())
    }

    /// Of the process and of `.env` as it is now.
    pub fn environment(&self) -> Result<Environment> {
        self.process.clone().with_dotenv(&self.home)
    }

    pub fn learn_contacts(&self, contacts: Contacts) {
        *self.contacts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(contacts);
    }

    pub fn learn_policies(&self, policies: config::Rooms) {
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
        self.rule_floors();
    }

    /// Lets the accounts know how rooms deal with the floor.
    pub fn rule_floors(&self) {
        let (policies, contacts) = (self.policies(), self.contacts());
        let rule = |policy: &RoomPolicy| RoomRule {
            poll: policy.history_poll.0,
            floor_ttl_ms: match policy.floor {
                FloorMode::Off => None,
                FloorMode::Advise | FloorMode::Enforce => Some(crate::clock::millis(policy.floor_ttl.0)),
            },
            roles: policy.roles.clone(),
        };
        let rules = policies.iter().flat_map(|(chat, policy)| {
            contacts.chat_ids(chat).into_iter().map(|id| (id.to_owned(), rule(policy)))
        });
        let default_rule = rule(policies.get("default").unwrap_or(&RoomPolicy::default()));
        self.rooms.set_rules(rules.collect(), default_rule);
    }

    pub fn room_policy(&self, chat: &ChatId) -> RoomPolicy {
        config::room_policy(&self.policies(), &self.contacts(), chat.as_str())
    }

    fn contacts(&self) -> Arc<Contacts> {
        Arc::clone(&self.contacts.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn policies(&self) -> Arc<config::Rooms> {
        Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What may wake a profile's agent.
    pub fn gates(&self, profile: &Profile) -> Gates {
        let (policies, contacts) = (self.policies(), self.contacts());
        let chat = |name: &String| contacts.chat_id(name, &profile.name).map(ChatId::new);
        let people = |aliases: &Vec<String>| {
            aliases.iter().filter_map(|alias| person(&contacts, alias, profile)).collect::<Vec<_>>()
        };
        let gate = |policy: &RoomPolicy| RoomGate {
            people: policy.allow.people.as_ref().map(people),
            bots: policy.allow.bots,
            mention_required: policy.require_mention,
        };
        let other_rooms = policies.get("default").map(gate).unwrap_or_default();
        // Backwards, since of two names of one room the first counts.
        let named = policies.iter().rev().filter(|(name, _)| name.as_str() != "default");
        let mut rooms: BTreeMap<ChatId, RoomGate> =
            named.filter_map(|(name, policy)| Some((chat(name)?, gate(policy)))).collect();
        // Only what differs from the rule: a room that says nothing of it changes nobody's gates.
        rooms.retain(|_, gate| *gate != other_rooms);
        Gates {
            chats: profile.allow.chats.as_ref().map(|chats| chats.iter().filter_map(chat).collect()),
            people: profile.allow.people.as_ref().map(people),
            bots: profile.allow.bots,
            rooms,
            other_rooms,
        }
    }

    /// The id of a profile's owner, as its app knows it.
    pub fn owner(&self, profile: &Profile) -> Option<UserId> {
        person(&self.contacts(), profile.owner.as_ref()?, profile)
    }

    /// What a profile's events are judged by.
    pub fn intake(&self, profile: &Profile) -> Intake {
        for (place, alias) in self.nobodies(profile) {
            let alias = crate::event::escaped(&alias);
            tracing::warn!(profile = %profile.name, "{place}: `{alias}` is nobody this profile knows, so nobody is \
                let in by it: write it to config/contacts.yaml");
        }
        Intake {
            profile: Arc::clone(&profile.name),
            transport: profile.transport.name(),
            owner: self.owner(profile),
            gates: Arc::new(self.gates(profile)),
            rooms: self.rooms.clone(),
        }
    }

    /// Names in a profile that lead to nobody, and where they stand.
    fn nobodies(&self, profile: &Profile) -> Vec<(&'static str, String)> {
        let contacts = self.contacts();
        let owner = profile.owner.iter().map(|alias| ("owner", alias));
        let people = profile.allow.people.iter().flatten().map(|alias| ("allow.people", alias));
        let unknown = |(_, alias): &(_, &String)| person(&contacts, alias, profile).is_none();
        owner.chain(people).filter(unknown).map(|(place, alias)| (place, alias.clone())).collect()
    }

    /// A profile's standing with its platform. Does no I/O but for the secret.
    pub async fn account(&self, profile: &Profile) -> Result<Account> {
        let accounts = self.clone();
        let environment = tokio::task::spawn_blocking(move || accounts.environment()).await;
        let environment = environment.map_err(|error| Error::internal(error.to_string()))??;
        let secret = profile.app_secret.resolve(&self.home, &environment).await;
        let app_secret = secret.map_err(|error| Error {
            message: format!("{}: {}", profile.shown_path(), error.message),
            ..error
        })?;
        let identity = Identity {
            profile: Arc::clone(&profile.name),
            transport: profile.transport,
            app_id: profile.app_id.clone(),
            app_secret,
            base_url: profile.base_url.clone(),
            siblings: self.siblings.clone(),
            sights: self.sights.clone(),
        };
        Account::new(identity, self.shared()?)
    }
}

fn person(contacts: &Contacts, alias: &str, profile: &Profile) -> Option<UserId> {
    let is_id = |text: &str| profile.transport.id_kind(text) == Some(IdKind::Person);
    contacts.user_id(alias, &profile.name, is_id).map(UserId::new)
}

pub fn limits(config: &Config) -> Limits {
    let connection = &config.options.connection;
    Limits {
        handshake: connection.handshake_timeout.0,
        pong: connection.pong_timeout.0,
        conflict_check: connection.conflict_check.0,
        http: config.options.http.timeout.0,
    }
}

/// Where a profile's token is kept between commands.
pub fn token_file(home: &Home, profile: &Profile) -> PathBuf {
    home.data().join(profile.name.as_ref()).join("token.json")
}

/// `http.proxy` and `http.ca_file`; a proxy of the environment where the options name none.
fn network(config: &Config) -> Network {
    let http = &config.options.http;
    let variable =
        |names: &[&str]| names.iter().find_map(|name| config.environment.get(name)).map(str::to_owned);
    Network {
        proxy: http
            .proxy
            .clone()
            .or_else(|| variable(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])),
        no_proxy: variable(&["NO_PROXY", "no_proxy"]),
        ca_file: http.ca_file.as_ref().map(|path| config.home.root().join(path)),
    }
}
