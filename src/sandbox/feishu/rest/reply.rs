//! What REST answers: the envelope, and errors with the platform's codes.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Every handler of the open API returns this.
pub type Reply = Result<Response, ApiError>;

/// `{"code":0,"msg":"success","data":…}`
pub fn data(data: Value) -> Reply {
    Ok(Json(json!({ "code": 0, "msg": "success", "data": data })).into_response())
}

/// A business error: HTTP 400 and a code, unless the API says otherwise.
#[derive(Clone, Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub code: i64,
    pub msg: String,
    pub error: Option<Value>,
}

impl ApiError {
    pub fn new(code: i64, msg: impl Into<String>) -> ApiError {
        ApiError { status: StatusCode::BAD_REQUEST, code, msg: msg.into(), error: None }
    }

    pub fn status(mut self, status: StatusCode) -> ApiError {
        self.status = status;
        self
    }

    /// 99992402: a field of the request is missing or malformed.
    pub fn field(field: &str, description: &str) -> ApiError {
        let violation = json!({ "field": field, "description": description });
        ApiError {
            error: Some(json!({ "field_violations": [violation] })),
            ..ApiError::new(99_992_402, "field validation failed")
        }
    }

    /// 99991672: none of the alternative scopes is granted.
    pub fn scope(app_id: &str, any_of: &[&str]) -> ApiError {
        let violations: Vec<Value> =
            any_of.iter().map(|scope| json!({ "type": "action_scope_required", "subject": scope })).collect();
        let url = format!("https://open.feishu.cn/app/{app_id}/auth?q={}", any_of.join(","));
        let msg = format!(
            "Access denied. One of the following scopes is required: [{}]. Apply for it at {url}",
            any_of.join(", ")
        );
        let error = json!({
            "permission_violations": violations,
            "helps": [{ "url": url, "description": "apply for the scope" }],
        });
        ApiError { error: Some(error), ..ApiError::new(99_991_672, msg) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({ "code": self.code, "msg": self.msg });
        if let Some(error) = self.error {
            body["error"] = error;
        }
        (self.status, Json(body)).into_response()
    }
}
