//! An administrator grants and revokes scopes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::sandbox::feishu::Shared;
use crate::sandbox::lock::lock;
use crate::sandbox::people::find_app;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scopes {
    pub app: String,
    pub grant: Vec<String>,
    pub revoke: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScopesAnswer {
    pub scopes: Vec<String>,
}

pub fn scopes(shared: &Arc<Shared>, request: Scopes) -> Result<ScopesAnswer> {
    let mut world = lock(&shared.world);
    let app = find_app(&world, &request.app)?;
    let scopes = &mut world.apps[app].grants;
    for scope in &request.revoke {
        if !scopes.remove(scope) {
            return Err(Error::validation(format!("{} has no scope `{scope}`", request.app)));
        }
    }
    scopes.extend(request.grant);
    Ok(ScopesAnswer { scopes: scopes.iter().cloned().collect() })
}
