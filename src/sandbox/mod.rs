//! An embedded Feishu.
