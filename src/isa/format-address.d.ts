import type { AddressExpression } from './instruction.ts';
/** 'ss:rsp-0x8', 'ds:rax+rcx*4+0x10', 'gs:0x10'. */
export declare function formatAddress(address: AddressExpression): string;
//# sourceMappingURL=format-address.d.ts.map
