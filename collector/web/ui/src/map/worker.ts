import { draw, type Plan } from './layout';

self.onmessage = (e: MessageEvent<{ turn: number; plan: Plan }>) => self.postMessage({ turn: e.data.turn, drawing: draw(e.data.plan) });
