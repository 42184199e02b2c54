; SPDX-License-Identifier: Apache-2.0
%define MODE 16
%include "explain.inc"
