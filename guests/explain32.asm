; SPDX-License-Identifier: Apache-2.0
%define MODE 32
%include "explain.inc"
