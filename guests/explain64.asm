; SPDX-License-Identifier: Apache-2.0
%define MODE 64
%include "explain.inc"
