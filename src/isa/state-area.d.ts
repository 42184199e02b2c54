import type { StateField } from './instruction.ts';
/** FXSAVE and FXRSTOR: with CR4.OSFXSR clear or EFER.FFXSR set the SSE part may be left out. */
export declare function fxsaveFields(is64: boolean): readonly StateField[];
/** The XSAVE family in the standard format: the feature mask in EDX:EAX and XCR0 choose components. */
export declare function xsaveFields(is64: boolean): readonly StateField[];
export declare function areaBytes(fields: readonly StateField[]): number;
//# sourceMappingURL=state-area.d.ts.map
